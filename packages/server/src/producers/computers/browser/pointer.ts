import type { MouseButton, Point } from '../browser-action.ts';
import type { CdpParams, CdpPayload } from './cdp.ts';
import type { CdpSession } from './cdp-connection.ts';

/** The mouse of a tab: where it is and which buttons are held. CSS pixels. All reject with `CdpFailure`. */
export interface Pointer {
  /** Bits of the buttons that are held, as in the DOM's `MouseEvent.buttons`. */
  readonly buttons: number;
  move(to: Point): Promise<void>;
  /** `count`: which press in a row this is. */
  down(at: Point, button: MouseButton, count: number): Promise<void>;
  up(at: Point, button: MouseButton, count: number): Promise<void>;
  click(at: Point, button: MouseButton, count: number): Promise<void>;
  drag(path: readonly Point[]): Promise<void>;
  scroll(at: Point, dx: number, dy: number): Promise<void>;
}

const BIT: Readonly<Record<MouseButton, number>> = { left: 1, right: 2, middle: 4 };
/** Between two points of a drag: pages look at the way, not only at its ends. */
const STEPS = 8;

type MouseEvent = CdpParams<'Input.dispatchMouseEvent'>;

/** `modifiers`: of the keys that are held now. */
export function createPointer(session: CdpSession, modifiers: () => number): Pointer {
  let buttons = 0;

  async function send(event: Omit<MouseEvent, 'modifiers' | 'buttons'>): Promise<void> {
    await session.send('Input.dispatchMouseEvent', { ...event, buttons, modifiers: modifiers() });
  }

  function move({ x, y }: Point): Promise<void> {
    return send({ type: 'mouseMoved', x, y, button: heldButton(buttons) });
  }

  function down({ x, y }: Point, button: MouseButton, count: number): Promise<void> {
    buttons |= BIT[button];
    return send({ type: 'mousePressed', x, y, button, clickCount: count });
  }

  function up({ x, y }: Point, button: MouseButton, count: number): Promise<void> {
    buttons &= ~BIT[button];
    return send({ type: 'mouseReleased', x, y, button, clickCount: count });
  }

  async function click(at: Point, button: MouseButton, count: number): Promise<void> {
    const steps = [move(at)];
    for (let press = 1; press <= count; press++) steps.push(down(at, button, press), up(at, button, press));
    await Promise.all(steps);
  }

  async function drag(path: readonly Point[]): Promise<void> {
    const [start, ...rest] = path;
    if (start === undefined) return;
    await move(start);
    // What a page lets be dragged (`draggable`) is dragged by the browser, which has no hands here: it hands it to us.
    const dragging = Promise.withResolvers<CdpPayload<'Input.dragIntercepted'>['data']>();
    session.on('Input.dragIntercepted', ({ data }) => dragging.resolve(data));
    await session.send('Input.setInterceptDrags', { enabled: true });
    try {
      await down(start, 'left', 1);
      const way = between(start, rest);
      const [first, ...others] = way;
      if (first !== undefined) await move(first);
      let data: CdpPayload<'Input.dragIntercepted'>['data'] | undefined;
      dragging.promise.then(
        (taken) => {
          data = taken;
        },
        () => undefined,
      );
      for (const at of others) {
        if (data === undefined) await move(at);
        else
          await session.send('Input.dispatchDragEvent', {
            type: 'dragOver',
            ...at,
            data,
            modifiers: modifiers(),
          });
      }
      const end = rest.at(-1) ?? start;
      if (data === undefined) await up(end, 'left', 1);
      else {
        // With the drop it is over: a page that is dragged from sees no button go up.
        for (const type of ['dragEnter', 'dragOver', 'drop'] as const)
          await session.send('Input.dispatchDragEvent', { type, ...end, data, modifiers: modifiers() });
      }
    } finally {
      buttons &= ~BIT.left;
      session.off('Input.dragIntercepted');
      session.tell('Input.setInterceptDrags', { enabled: false });
    }
  }

  return {
    get buttons() {
      return buttons;
    },
    move,
    down,
    up,
    click,
    drag,
    scroll: ({ x, y }, dx, dy) => send({ type: 'mouseWheel', x, y, deltaX: dx, deltaY: dy }),
  };
}

function heldButton(buttons: number): MouseButton | 'none' {
  if ((buttons & BIT.left) !== 0) return 'left';
  if ((buttons & BIT.right) !== 0) return 'right';
  return (buttons & BIT.middle) === 0 ? 'none' : 'middle';
}

/** The points on the way, those given among them. */
function between(start: Point, rest: readonly Point[]): readonly Point[] {
  const way: Point[] = [];
  let from = start;
  for (const to of rest) {
    for (let step = 1; step <= STEPS; step++) {
      const part = step / STEPS;
      way.push({ x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part });
    }
    from = to;
  }
  return way;
}
