import { realpath, stat } from 'node:fs/promises';
import { sep } from 'node:path';
import type { Egress } from '../../outgoing/egress.ts';
import type { OutgoingGuard } from '../../outgoing/outgoing.ts';
import { networkList } from '../../runtime/network-list.ts';
import type { CameraRecord } from './camera-record.ts';
import { type CameraUrl, readCameraUrl } from './camera-url.ts';
import type { Prepared } from './video-source.ts';

/** What a camera's URL may reach (D-22). */
export interface Reachable {
  /** For cameras of admins: what everything else may reach that leaves the server. */
  readonly admins: Way;
  /** For those of anybody else: public addresses, whatever the settings open. */
  readonly others: Way;
  /** Absolute: where files and models may lie. */
  readonly folders: readonly string[];
}

export interface Way {
  readonly guard: OutgoingGuard;
  readonly egress: Egress;
}

type Refused = Extract<Prepared, { kind: 'refused' }>;

const NO_SUCH_PLACE =
  'Its address is not one that this camera may reach. Private ones take the key of an admin, and a server that opens them.';

/** Decides about a URL, as it is now. What is refused may be open later, and the other way round. */
export async function prepareSource(
  record: CameraRecord,
  url: string,
  reachable: Reachable,
): Promise<Prepared> {
  const target = readCameraUrl(url);
  const refused = await checkModel(record, reachable);
  if (refused !== undefined) return refused;
  switch (target.kind) {
    case 'pattern':
      return open(target);
    case 'device':
      return record.networks === null ? deny('Only an admin may open devices.') : open(target);
    case 'file': {
      const found = await insideFolders(target.path, reachable.folders);
      return typeof found === 'string' ? open({ ...target, path: found, loop: record.loop }) : found;
    }
    case 'rtsp':
    case 'http':
      return prepareRemote(record, target, reachable);
  }
}

async function prepareRemote(
  { networks, transport }: CameraRecord,
  { kind, url, host, port }: Extract<CameraUrl, { kind: 'rtsp' | 'http' }>,
  { admins, others }: Reachable,
): Promise<Prepared> {
  const { guard, egress } = networks === null ? others : admins;
  const reach = await guard.reach({
    ...{ host, port },
    ...(kind === 'rtsp' ? { protocol: kind } : {}),
    ...(networks === null ? {} : { also: networkList(networks) }),
  });
  switch (reach.kind) {
    case 'refused':
      return deny(NO_SUCH_PLACE);
    case 'unresolved':
      return { kind: 'refused', reason: 'unreachable', message: 'Its host has no address.' };
    case 'open': {
      const [address = ''] = reach.addresses;
      if (kind === 'rtsp') return open({ kind, url, transport, address });
      // The proxy judges each of its requests, those that a playlist or a redirect causes too.
      const pass = await egress.open(networks === null ? {} : { networks });
      const { username, password } = pass.credentials;
      const proxy = new URL(pass.server);
      proxy.username = username;
      proxy.password = password;
      return open({ kind, url, proxy: proxy.href }, () => pass[Symbol.dispose]());
    }
  }
}

/** A model must lie where files may. */
async function checkModel({ detect }: CameraRecord, { folders }: Reachable): Promise<Refused | undefined> {
  if (detect?.kind !== 'onnx') return undefined;
  const found = await insideFolders(detect.model, folders);
  // One that is not there is told by the detector, and pictures go on.
  if (typeof found === 'string' || found.reason === 'not-found') return undefined;
  return { ...found, message: `Its model: ${found.message}` };
}

/** The path without links, if it is inside of a folder; links are followed first, so none leads out. */
async function insideFolders(path: string, folders: readonly string[]): Promise<string | Refused> {
  const outside = deny('Files are opened only inside of the folders that PLAYHEAD_CAMERA_FOLDERS names.');
  if (path.includes('\0') || folders.length === 0) return outside;
  const real = await realPath(path);
  if (real === undefined) {
    // Nothing is told of what is elsewhere.
    const near = folders.some((folder) => path.startsWith(withSeparator(folder)));
    return near ? { kind: 'refused', reason: 'not-found', message: 'There is no such file.' } : outside;
  }
  for (const folder of folders) {
    const root = await realPath(folder);
    if (root === undefined || !real.startsWith(withSeparator(root))) continue;
    if ((await stat(real)).isFile()) return real;
    return { kind: 'refused', reason: 'not-found', message: 'It is no file.' };
  }
  return outside;
}

function withSeparator(folder: string): string {
  return folder.endsWith(sep) ? folder : folder + sep;
}

async function realPath(path: string): Promise<string | undefined> {
  return realpath(path).catch(() => undefined);
}

function open(source: Extract<Prepared, { kind: 'open' }>['source'], release = (): void => {}): Prepared {
  return { kind: 'open', source, release };
}

function deny(message: string): Refused {
  return { kind: 'refused', reason: 'forbidden', message };
}
