import type { Command } from '../messages.ts';
import { openLink } from './link.ts';
import { runSource } from './run-source.ts';
import { runWriter } from './run-writer.ts';
import { watchMemory } from './watch-memory.ts';

/** A process of video: what it does is told by the first commands. */
const link = openLink();

link.heard(({ head }) => {
  const command = head as Command;
  if (command.type === 'bound') watchMemory(link, command.memoryBytes);
  else if (command.type === 'open') void runSource(link, command.request);
  else if (command.type === 'write') void runWriter(link, command);
});
