import { fileURLToPath } from 'node:url';
import { findPython } from '../support/optional.ts';
import { describeSample } from './sample-suite.ts';

const python = findPython();

for (const [name, file] of [
  ['Python with requests and sseclient-py', 'requests_client.py'],
  ['Python with aiohttp', 'aiohttp_client.py'],
] as const) {
  describeSample({
    name,
    missing: python.missing,
    reconnects: false,
    program: async () => [python.path, fileURLToPath(new URL(`python/${file}`, import.meta.url))],
  });
}
