import { asRecord, clientOf, textOf } from './client.ts';
import { type Command, OUTPUT_FLAG, SERVER_FLAGS } from './command.ts';
import { EXIT } from './exit-code.ts';
import { usageFailure } from './failure.ts';
import { checkedName } from './stream-argument.ts';

export const tickets: Command = {
  name: 'tickets',
  summary: 'make a ticket, which opens one thing for a short while',
  usage: ['tickets [flags] [STREAM]', 'tickets --console'],
  about: `For STREAM: read that stream with ?ticket=… in the URL, as often as you like within 15 minutes. Without one: open
one WebSocket within 30 s. --console prints a link that signs a browser in to the console, once, within 30 s.`,
  flags: {
    console: { type: 'boolean', meaning: 'Print a link to the console instead' },
    ...OUTPUT_FLAG,
    ...SERVER_FLAGS,
  },
  takes: 'words',
  examples: [
    'playhead tickets notes/today',
    'curl -N "$PLAYHEAD_URL/v1/streams/notes/today?ticket=$(playhead tickets notes/today)" -H "Accept: text/event-stream"',
    'open "$(playhead tickets --console)"',
  ],
  async run(given, io) {
    const [stream, ...others] = given.words;
    const forConsole = given.is('console') === true;
    if (others.length > 0 || (forConsole && stream !== undefined)) {
      throw usageFailure('A ticket is for one stream, or with --console for none.');
    }
    const client = clientOf(given, io);
    const body = stream === undefined ? {} : { stream: checkedName(stream) };
    const made = asRecord(await client.json('POST', '/v1/tickets', body));
    const ticket = textOf(made['ticket']) ?? '';
    // Behind the #: browsers send that to no server, so it is in no log and no referrer.
    const url = `${client.url}/console/#ticket=${ticket}`;
    if (given.text('output') === 'json')
      await io.print(`${JSON.stringify(forConsole ? { url, ...made } : made)}\n`);
    else await io.print(`${forConsole ? url : ticket}\n`);
    return EXIT.done;
  },
};
