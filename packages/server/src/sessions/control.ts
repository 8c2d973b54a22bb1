/** Who has control of something that several watch. */
export interface Controller {
  /** The connection. */
  readonly viewer: string;
  /** The id of the key that it was opened with. */
  readonly key: string;
}

/**
 * Who may type into a terminal, or act on a computer. Pure.
 *
 *   FREE ──take──▶ HELD(viewer) ──release, or the viewer leaves──▶ FREE
 *                   │        ▲
 *                   └────────┘ take with force, by another
 *
 * While it is free, whoever has the scope may act; while it is held, the holder alone.
 */
export type Control = Controller | null;

export type ControlInput =
  | { readonly kind: 'take'; readonly by: Controller; readonly force: boolean }
  | { readonly kind: 'release'; readonly viewer: string; readonly force: boolean };

export interface ControlStep {
  readonly control: Control;
  /** `changed` is told to all viewers. */
  readonly effect: 'none' | 'changed' | 'refused';
}

export function step(control: Control, input: ControlInput): ControlStep {
  switch (input.kind) {
    case 'take':
      if (control?.viewer === input.by.viewer) return { control, effect: 'none' };
      if (control !== null && !input.force) return { control, effect: 'refused' };
      return { control: input.by, effect: 'changed' };
    case 'release':
      if (control === null) return { control, effect: 'none' };
      if (control.viewer !== input.viewer && !input.force) return { control, effect: 'refused' };
      return { control: null, effect: 'changed' };
  }
}

/** Whether somebody may act; a caller without a connection is nobody's viewer. */
export function mayAct(control: Control, viewer: string | null): boolean {
  return control === null || control.viewer === viewer;
}
