import type * as Constants from 'node-av/constants';
import type * as Lib from 'node-av/lib';
import { SourceFailure } from './failure.ts';

export interface Loaded {
  readonly lib: typeof Lib;
  readonly constants: typeof Constants;
}

let loaded: Promise<Loaded> | undefined;

/** FFmpeg. It says nothing by itself: its messages hold addresses, with their credentials. */
export function library(): Promise<Loaded> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<Loaded> {
  let both: Loaded;
  try {
    const [lib, constants] = await Promise.all([import('node-av/lib'), import('node-av/constants')]);
    both = { lib, constants };
  } catch {
    throw new SourceFailure('missing', 'The package node-av is there, but its build cannot be loaded.');
  }
  both.lib.Log.setLevel(both.constants.AV_LOG_QUIET);
  return both;
}
