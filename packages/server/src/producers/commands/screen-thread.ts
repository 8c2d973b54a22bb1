import { parentPort } from 'node:worker_threads';
import { createEmulator, type Emulator } from './emulator.ts';
import type { FromScreens, ToScreens } from './screen-messages.ts';
import { DEFAULT_SIZE } from './terminal-size.ts';

// The emulators' thread: to find out what a terminal shows takes a second of work for each 30 MB that it has shown,
// and the server has other things to do meanwhile. Questions are answered one after the other.

const port = parentPort;
if (port === null) throw new Error('This module is a worker.');
const say = (message: FromScreens): void => port.postMessage(message);

const emulators = new Map<number, Emulator>();
let work: Promise<void> = Promise.resolve();

port.on('message', (message: ToScreens) => {
  work = work.then(() => answer(message));
});

async function answer(message: ToScreens): Promise<void> {
  switch (message.kind) {
    case 'feed': {
      const emulator = emulatorOf(message.id);
      for (const step of message.steps) {
        if (step instanceof Uint8Array) await emulator.write(step);
        else emulator.resize(step);
      }
      say({ kind: 'fed', ask: message.ask });
      return;
    }
    case 'snapshot':
      say({ kind: 'snapshot', ask: message.ask, screen: emulatorOf(message.id).snapshot() });
      return;
    case 'drop':
      emulators.get(message.id)?.[Symbol.dispose]();
      emulators.delete(message.id);
  }
}

function emulatorOf(id: number): Emulator {
  let emulator = emulators.get(id);
  if (emulator === undefined) {
    emulator = createEmulator(DEFAULT_SIZE);
    emulators.set(id, emulator);
  }
  return emulator;
}
