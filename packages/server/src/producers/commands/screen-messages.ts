import type { TerminalSize } from '../../launcher/launcher.ts';
import type { EmulatedScreen } from './emulator.ts';

/** What the emulators' thread is asked. `id` names an emulator, `ask` the question. */
export type ToScreens =
  /** Feeds an emulator, which is made if there is none. */
  | {
      readonly kind: 'feed';
      readonly ask: number;
      readonly id: number;
      readonly steps: readonly (Uint8Array | TerminalSize)[];
    }
  | { readonly kind: 'snapshot'; readonly ask: number; readonly id: number }
  | { readonly kind: 'drop'; readonly id: number };

export type FromScreens =
  | { readonly kind: 'fed'; readonly ask: number }
  | { readonly kind: 'snapshot'; readonly ask: number; readonly screen: EmulatedScreen };
