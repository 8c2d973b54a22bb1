// The bound of a terminal: node-pty's own loop, which counts what the command prints and keeps nothing. Prints
// {bytes, ms} once the command has ended.
import { createRequire } from 'node:module';

// The server's own, so that both run the same.
const requireOfServer = createRequire(new URL('../../../packages/server/src/server.ts', import.meta.url));
const { spawn } = requireOfServer('@lydell/node-pty');

const began = performance.now();
const terminal = spawn('/bin/sh', ['-c', process.argv[2] ?? ''], { encoding: null });
let bytes = 0;
terminal.onData((piece) => (bytes += piece.length));
terminal.onExit(() => process.stdout.write(JSON.stringify({ bytes, ms: performance.now() - began })));
