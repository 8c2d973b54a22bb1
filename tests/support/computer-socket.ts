import type { ComputerEvent } from './computers.ts';
import { type HeardSocket, type NextMessage, nextOf, openHeardSocket } from './heard-socket.ts';
import type { TestServer } from './server.ts';

/** A client of a computer's socket that keeps every message. */
export interface ComputerSocket extends HeardSocket<ComputerEvent> {
  /** The first message of a type that fits; waits for it. */
  readonly next: NextMessage<ComputerEvent>;
  /** The n-th message, from 0, whatever it is. */
  message(n: number): Promise<ComputerEvent>;
  /** Asks for an action, and waits for its result. */
  act(action: Readonly<Record<string, unknown>>, request_id: string): Promise<ComputerEvent>;
}

/** Opens `path` with a token in the URL, as documented; rejects if the handshake is refused. */
export async function openPath(server: TestServer, path: string): Promise<ComputerSocket> {
  const heard = await openHeardSocket<ComputerEvent>(`${server.url}${path}`);
  const next = nextOf(heard);
  return {
    ...heard,
    next,
    message: (n) => heard.when(() => heard.messages[n], `message ${n}`),
    act(action, request_id) {
      heard.send({ ...action, request_id });
      return next('action_result', (message) => message['request_id'] === request_id);
    },
  };
}

/** Opens the socket of a computer. `query` begins with `&` if it is not empty. */
export function openComputerSocket(
  server: TestServer,
  id: string,
  token: string = server.key,
  query: string = '',
): Promise<ComputerSocket> {
  return openPath(server, `/v1/computers/${id}/ws?token=${token}${query}`);
}
