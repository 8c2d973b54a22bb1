import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PlayheadError } from '@playhead/protocol';
import type { Collection, Records } from '../../records/records.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';

/**
 * Pictures that were taken of pages, each at an address that opens it to whoever has it, for a while (D-23). The
 * address names one picture and is signed with a key that outlives a restart. Files, so that they cost no memory;
 * those whose time is over are removed, and the oldest before it where there is no room.
 */
export interface Pictures extends AsyncDisposable {
  /** Before the first use: what an earlier run left is looked through. */
  open(): Promise<void>;
  /** Keeps a picture; the path of its address, query included. Rejects with the system's error if it cannot. */
  put(computer: string, image: Uint8Array, format: 'png' | 'jpeg'): Promise<string>;
  /** Throws `not-found` for an address that is wrong, altered, or whose time is over. */
  get(computer: string, name: string, signature: string): Promise<Picture>;
}

export interface Picture {
  readonly image: Buffer;
  readonly type: 'image/png' | 'image/jpeg';
  /** ms for which the address still opens it. */
  readonly leftMs: number;
}

export interface PictureParts {
  /** Absolute. Belongs to the pictures alone. */
  readonly folder: string;
  readonly records: Records;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings: PictureSettings;
}

export interface PictureSettings {
  /** How long an address is good for, ms. */
  readonly pictureMs: number;
  /** Of all pictures, bytes. */
  readonly pictureBytes: number;
}

/** `<ms since 1970 when its time is over>-<random>.<format>`: sorts by time. */
const NAME = /^(\d{13,15})-[0-9a-f]{32}\.(png|jpeg)$/;

export function createPictures(parts: PictureParts): Pictures {
  const { folder, clock, logger, settings } = parts;
  const secrets: Collection<string> = parts.records.collection('computer-secrets');
  /** Name and bytes, the oldest first. */
  const kept = new Map<string, number>();
  let bytes = 0;
  let key = Buffer.alloc(0);
  let sweeping: Disposable | undefined;

  function signatureOf(computer: string, name: string): Buffer {
    return createHmac('sha256', key).update(`${computer}/${name}`).digest();
  }

  async function remove(name: string): Promise<void> {
    bytes -= kept.get(name) ?? 0;
    kept.delete(name);
    await rm(join(folder, name), { force: true });
  }

  async function sweep(): Promise<void> {
    try {
      for (const name of kept.keys()) {
        if (timeOf(name) > clock.now() && bytes <= settings.pictureBytes) break;
        await remove(name);
      }
    } catch (error) {
      logger.warn({ error }, 'old pictures could not be removed; this is tried again');
    }
  }

  return {
    async open() {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await secrets.add('pictures', randomBytes(32).toString('base64'));
      key = Buffer.from((await secrets.get('pictures')) ?? '', 'base64');
      for (const name of (await readdir(folder)).sort()) {
        const { size } = await stat(join(folder, name));
        kept.set(name, size);
        bytes += size;
        if (!NAME.test(name)) await remove(name);
      }
      await sweep();
      sweeping = clock.every(Math.min(settings.pictureMs, 30_000), () => void sweep());
    },
    async put(computer, image, format) {
      const name = `${clock.now() + settings.pictureMs}-${randomBytes(16).toString('hex')}.${format}`;
      const size = image.byteLength;
      bytes += size;
      try {
        await sweep();
        await writeFile(join(folder, name), image, { mode: 0o600, flag: 'wx' });
      } catch (error) {
        bytes -= size;
        throw error;
      }
      // Only now: what is swept before it is written would be written all the same.
      kept.set(name, size);
      const signature = signatureOf(computer, name).toString('base64url');
      return `/v1/computers/${computer}/pictures/${name}?signature=${signature}`;
    },
    async get(computer, name, signature) {
      const given = Buffer.from(signature, 'base64url');
      const right = signatureOf(computer, name);
      const leftMs = NAME.test(name) ? timeOf(name) - clock.now() : 0;
      if (given.length !== right.length || !timingSafeEqual(given, right) || leftMs <= 0) throw notThere();
      try {
        const image = await readFile(join(folder, name));
        return { image, type: name.endsWith('.png') ? 'image/png' : 'image/jpeg', leftMs };
      } catch (cause) {
        throw notThere(cause);
      }
    },
    async [Symbol.asyncDispose]() {
      sweeping?.[Symbol.dispose]();
    },
  };
}

function timeOf(name: string): number {
  return Number(NAME.exec(name)?.[1] ?? 0);
}

function notThere(cause?: unknown): PlayheadError {
  return new PlayheadError('not-found', 'There is no such picture, or its time is over.', { cause });
}
