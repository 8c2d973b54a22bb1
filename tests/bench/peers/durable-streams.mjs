// The reference server of the Durable Streams protocol: in memory, or in files under the folder that it is given.
import { DurableStreamTestServer } from '@durable-streams/server';

const folder = process.argv[2];
const server = new DurableStreamTestServer({
  host: '127.0.0.1',
  port: 0,
  compression: false,
  ...(folder === undefined ? {} : { dataDir: folder }),
});
const url = await server.start();
process.stdout.write(`ready ${new URL(url).port}\n`);
