import { readFile } from 'node:fs/promises';
import { PlayheadError } from '@playhead/protocol';
import type { Reply } from '../http/exchange.ts';
import type { Router } from '../http/router.ts';

/** The pages' files and their types. Nothing else is served from here. */
const FILES: Readonly<Record<string, string>> = {
  'index.html': 'text/html; charset=utf-8',
  'console.css': 'text/css; charset=utf-8',
  'console.js': 'text/javascript; charset=utf-8',
  'session.js': 'text/javascript; charset=utf-8',
  'computers.html': 'text/html; charset=utf-8',
  'computers.js': 'text/javascript; charset=utf-8',
  'hands.js': 'text/javascript; charset=utf-8',
  'cameras.html': 'text/html; charset=utf-8',
  'cameras.css': 'text/css; charset=utf-8',
  'cameras.js': 'text/javascript; charset=utf-8',
  'camera-stream.js': 'text/javascript; charset=utf-8',
  'webcam.html': 'text/html; charset=utf-8',
  'webcam.js': 'text/javascript; charset=utf-8',
  'chats.html': 'text/html; charset=utf-8',
  'chats.css': 'text/css; charset=utf-8',
  'chats.js': 'text/javascript; charset=utf-8',
};

/**
 * The pages under `/console/`, for anybody: they hold no data, and what they show they ask the API for with the key
 * that the person puts in. `/` sends browsers there.
 */
export function mountConsole(router: Router): void {
  for (const [file, type] of Object.entries(FILES)) {
    const path = file === 'index.html' ? '/console/' : `/console/${file}`;
    router.add({ method: 'GET', path, access: 'public', handle: () => serve(file, type) });
  }
  const moved: Reply = { status: 302, headers: { location: '/console/' } };
  router.add({ method: 'GET', path: '/console', access: 'public', handle: () => moved });
  router.add({
    method: 'GET',
    path: '/',
    access: 'public',
    handle(exchange) {
      // The path speaks WebSocket; only who can show a page is sent to one (D-25).
      if (/text\/html|\*\/\*/.test(exchange.request.headers.accept ?? '*/*')) return moved;
      throw new PlayheadError('upgrade-required', 'This path speaks WebSocket: send an upgrade request.');
    },
  });
}

async function serve(file: string, type: string): Promise<Reply> {
  return {
    headers: {
      'content-type': type,
      'cache-control': 'no-cache',
      // Scripts and connections of this origin alone; nobody may frame the page.
      'content-security-policy':
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
      'referrer-policy': 'no-referrer',
    },
    body: await readFile(new URL(file, import.meta.url)),
  };
}
