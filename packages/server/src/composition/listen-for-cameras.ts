import type { HttpApp } from '../http/app.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Settings } from '../runtime/settings.ts';

/**
 * The second listener, for clients that know cameras by its port. One that cannot be had is a warning and no failure
 * (D-25): the same sockets are on the server's own port. The port, or null.
 */
export async function listenForCameras(
  app: HttpApp,
  { host, cameraPort: port }: Settings,
  logger: Logger,
): Promise<number | null> {
  try {
    const listening = await app.listen({ host, port });
    logger.debug({ port: listening.port }, 'sockets of cameras are served on a port of their own, too');
    return listening.port;
  } catch (error) {
    logger.warn({ port, err: error }, 'the port of cameras is taken: set PLAYHEAD_CAMERA_PORT to another');
    return null;
  }
}
