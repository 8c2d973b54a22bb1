import type { Command } from './command.ts';

/** `playhead serve`. The server is loaded only when it is to run: other commands start without it. */
export const serveCommand: Command = {
  name: 'serve',
  summary: 'run the server',
  usage: ['serve [settings]'],
  about: `Settings are flags or variables; flags win over variables, variables over playhead.config.json. It ends on
SIGTERM or Ctrl-C, after it has let go of its readers and ended its commands.`,
  // They are settings, which are read with their own rules.
  flags: {},
  takes: 'command-line',
  examples: [
    'playhead serve',
    'playhead serve --port 9000 --data /var/lib/playhead',
    'PLAYHEAD_API_KEY=rdev_… playhead serve --log memory',
  ],
  async run() {
    const { serve } = await import('./serve.ts');
    return serve(process.argv.slice(3));
  },
};
