import { type Command, OUTPUT_FLAG } from './command.ts';
import { EXIT } from './exit-code.ts';
import { type Finding, findings } from './findings.ts';

export const doctor: Command = {
  name: 'doctor',
  summary: 'say what is missing on this machine, and what to do',
  usage: ['doctor [flags]'],
  about: `Looks at what the server needs (a Node that is new enough, a data folder that can be written, room on the disk, its
port) and at what parts of it can use. Exits with 1 if something that is needed is missing.`,
  flags: {
    'data-folder': {
      type: 'string',
      value: 'FOLDER',
      meaning: 'The data folder (default: PLAYHEAD_DATA, else .playhead)',
    },
    port: {
      type: 'string',
      value: 'PORT',
      meaning: 'The port to listen on (default: PLAYHEAD_PORT, else 8080)',
    },
    ...OUTPUT_FLAG,
  },
  takes: 'words',
  examples: ['playhead doctor', 'playhead doctor -o json | jq \'select(.state != "ok")\''],
  async run(given, io) {
    const found = await findings(given, io);
    const missing = found.some(({ state }) => state === 'missing');
    if (given.text('output') === 'json') {
      await io.print(found.map((finding) => `${JSON.stringify(finding)}\n`).join(''));
    } else {
      await io.print(found.map(shown).join(''));
      await io.print(
        missing ? '\nSomething that is needed is missing.\n' : '\nAll that is needed is here.\n',
      );
    }
    return missing ? EXIT.failed : EXIT.done;
  },
};

const MARK: Readonly<Record<Finding['state'], string>> = {
  ok: 'ok     ',
  absent: 'absent ',
  missing: 'MISSING',
};

function shown({ what, state, detail, remedy }: Finding): string {
  const line = `${MARK[state]}  ${what.padEnd(12)}  ${detail}\n`;
  return remedy === undefined ? line : `${line}${' '.repeat(23)}→ ${remedy}\n`;
}
