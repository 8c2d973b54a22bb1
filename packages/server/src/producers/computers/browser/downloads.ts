import { constants } from 'node:fs';
import { copyFile, link, open, rm, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { DownloadRule, TabId } from '../browser.ts';
import type { BrowserEvent } from '../browser-event.ts';
import type { CdpConnection } from './cdp-connection.ts';
import { BOUNDS, clip } from './clip.ts';
import { safeName, withNumber } from './safe-name.ts';

export interface DownloadsParts {
  readonly connection: CdpConnection;
  readonly rule: DownloadRule;
  /** Where the browser writes while a download is under way. */
  readonly incoming: string;
  tabOf(frame: string): TabId | null;
  admit(type: 'download-started' | 'download-refused'): boolean;
  readonly tell: (event: BrowserEvent) => void;
}

interface Download {
  readonly id: string;
  readonly url: string;
  readonly filename: string;
  received: number;
}

type Refused = Extract<BrowserEvent, { type: 'download-refused' }>['reason'];

/** Downloads at once, and files in all. */
const RUNNING_MAX = 16;
const FILES_MAX = 1_000;
const SAME_NAME_MAX = 1_000;

/**
 * Lets a browser download into one folder and no further than its bounds. A file is written beside, and put into the
 * folder under a name that is safe and its own when it is complete. Resolves once all that is under way is settled.
 */
export interface Downloads {
  /** The browser has ended: nothing more comes. */
  end(): Promise<void>;
}

export function bindDownloads(parts: DownloadsParts): Downloads {
  const { rule, incoming, tell, connection } = parts;
  const { root } = connection;
  const running = new Map<string, Download>();
  const moving = new Set<Promise<void>>();
  let kept = 0;
  let files = 0;

  function refuse(download: Download, reason: Refused): void {
    running.delete(download.id);
    root.tell('Browser.cancelDownload', { guid: download.id });
    void rm(join(incoming, download.id), { force: true }).catch(() => undefined);
    if (!parts.admit('download-refused')) return;
    const { id, url, filename } = download;
    tell({ type: 'download-refused', download: id, url, filename, reason });
  }

  function underWay(): number {
    let bytes = kept;
    for (const { received } of running.values()) bytes += received;
    return bytes;
  }

  /** Why it may not go on; undefined if it may. */
  function problem(received: number, announced: number): Refused | undefined {
    if (Math.max(received, announced) > rule.maxBytes) return 'too-large';
    return underWay() > rule.totalBytes ? 'no-room' : undefined;
  }

  async function finish(download: Download, folder: string): Promise<void> {
    const file = join(incoming, download.id);
    const { id, url, filename } = download;
    running.delete(id);
    let size = 0;
    try {
      ({ size } = await stat(file));
      kept += size;
      const reason = problem(size, size);
      if (reason === undefined) {
        const path = await place(file, folder, filename);
        tell({ type: 'download-finished', download: id, url, filename, path, bytes: size });
        return;
      }
      refuse(download, reason);
    } catch {
      // The folder or the disk does not take it.
      refuse(download, 'no-room');
    }
    kept -= size;
  }

  root.on('Browser.downloadWillBegin', ({ guid, url, suggestedFilename, frameId }) => {
    const filename = safeName(suggestedFilename);
    const download = { id: guid, url: clip(url, BOUNDS.url), filename, received: 0 };
    running.set(guid, download);
    files++;
    if (parts.admit('download-started'))
      tell({
        type: 'download-started',
        tab: parts.tabOf(frameId),
        download: guid,
        url: download.url,
        filename,
      });
    if (rule.folder === null) refuse(download, 'not-allowed');
    else if (running.size > RUNNING_MAX || files > FILES_MAX) refuse(download, 'no-room');
  });
  root.on('Browser.downloadProgress', ({ guid, state, receivedBytes, totalBytes }) => {
    const download = running.get(guid);
    if (download === undefined || rule.folder === null) return;
    if (state === 'completed') {
      const done = finish(download, rule.folder);
      moving.add(done);
      void done.finally(() => moving.delete(done));
    } else if (state === 'canceled') refuse(download, 'cancelled');
    else {
      download.received = receivedBytes;
      const reason = problem(receivedBytes, totalBytes);
      if (reason !== undefined) refuse(download, reason);
    }
  });
  root.tell('Browser.setDownloadBehavior', {
    behavior: rule.folder === null ? 'deny' : 'allowAndName',
    downloadPath: incoming,
    eventsEnabled: true,
  });

  return {
    async end() {
      await Promise.all(moving);
      for (const download of running.values()) refuse(download, 'cancelled');
    },
  };
}

/**
 * Puts a file into a folder, under its name or one with a number. The folder is held while that is done, so that
 * nothing that is put in its place meanwhile leads elsewhere.
 */
async function place(file: string, folder: string, filename: string): Promise<string> {
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    const held = process.platform === 'linux' ? `/proc/self/fd/${handle.fd}` : folder;
    for (let number = 0; number < SAME_NAME_MAX; number++) {
      const name = withNumber(filename, number);
      if (await placeAs(file, join(held, name))) return join(folder, name);
    }
  } finally {
    await handle.close();
  }
  throw new RangeError('As many files have that name as may.');
}

/** False if there is such a file. */
async function placeAs(file: string, target: string): Promise<boolean> {
  try {
    await link(file, target);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EEXIST') return false;
    if (code !== 'EXDEV' && code !== 'EPERM' && code !== 'ENOTSUP') throw error;
    return copyAs(file, target);
  }
  await unlink(file);
  return true;
}

/** For a folder on another disk. */
async function copyAs(file: string, target: string): Promise<boolean> {
  try {
    await copyFile(file, target, constants.COPYFILE_EXCL);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
  await unlink(file);
  return true;
}
