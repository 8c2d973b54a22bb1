import { fileURLToPath } from 'node:url';
import { nodeProgram } from '../support/node-program.ts';
import { describeSample } from './sample-suite.ts';

describeSample({
  name: 'Node with eventsource 2',
  missing: false,
  reconnects: true,
  program: async () => [
    nodeProgram(),
    fileURLToPath(new URL('node/eventsource-client.cjs', import.meta.url)),
  ],
});
