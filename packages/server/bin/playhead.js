#!/usr/bin/env node
// Plain JavaScript that any Node can read, so that an old one gets a sentence instead of a syntax error (D-36).
import module from 'node:module';

const NEEDED = 24;
const [major = '0'] = process.versions.node.split('.');

if (Number(major) < NEEDED) {
  process.stderr.write(
    `playhead needs Node ${NEEDED} or later, and this is ${process.versions.node} (${process.execPath}).\n` +
      'In a checkout, `npm start` brings the right one. Elsewhere, install it from nodejs.org or with your version manager.\n',
  );
  process.exit(1);
}

// Types are stripped once; later starts take the result from the cache.
module.enableCompileCache();
await import('../src/main.ts');
