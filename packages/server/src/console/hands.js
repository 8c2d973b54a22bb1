// What the person does with mouse, keyboard and fingers, as messages for a computer.

const BUTTONS = ['left', 'middle', 'right'];

/** The most recent move alone is sent, once per frame of this screen. */
function latest(send) {
  let waiting;
  return (input) => {
    if (waiting === undefined) {
      requestAnimationFrame(() => {
        send(waiting);
        waiting = undefined;
      });
    }
    waiting = input;
  };
}

function modifiersOf({ altKey, ctrlKey, metaKey, shiftKey }) {
  return { alt: altKey, ctrl: ctrlKey, meta: metaKey, shift: shiftKey };
}

/**
 * Listens on the picture of a page. `viewport()` is the size of what it shows in CSS pixels, or undefined while the
 * person may not touch; `send` takes an input.
 */
export function useHands(picture, viewport, send) {
  const fingers = new Map();
  const move = latest(send);

  function place({ clientX, clientY }) {
    const box = picture.getBoundingClientRect();
    const { width, height } = viewport();
    return {
      x: Math.round(((clientX - box.left) / box.width) * width),
      y: Math.round(((clientY - box.top) / box.height) * height),
    };
  }

  /** While there is no control, the page around the picture scrolls and tabs as ever. */
  function when(name, handle) {
    picture.addEventListener(
      name,
      (event) => {
        if (viewport() === undefined) return;
        // Of a mouse the press must stay: without it there would be no `mousedown`.
        if (name !== 'pointerdown' || event.pointerType === 'touch') event.preventDefault();
        handle(event);
      },
      { passive: false },
    );
  }

  function touch(action, event) {
    if (action === 'end' || action === 'cancel') fingers.delete(event.pointerId);
    else fingers.set(event.pointerId, { id: event.pointerId % 1e6, ...place(event) });
    send({ type: 'touch', action, points: [...fingers.values()], modifiers: modifiersOf(event) });
  }

  function mouse(action, event) {
    const held = BUTTONS.find((_button, i) => (event.buttons & [1, 4, 2][i]) !== 0) ?? null;
    const input = {
      type: 'mouse',
      action,
      ...place(event),
      button: action === 'move' ? held : (BUTTONS[event.button] ?? null),
      modifiers: modifiersOf(event),
    };
    if (action === 'move') return move(input);
    send(action === 'down' ? { ...input, count: Math.min(3, Math.max(1, event.detail)) } : input);
  }

  when('pointerdown', (event) => {
    picture.focus();
    picture.setPointerCapture(event.pointerId);
    if (event.pointerType === 'touch') touch('start', event);
  });
  when('pointermove', (event) => {
    if (event.pointerType !== 'touch') mouse('move', event);
    else if (fingers.has(event.pointerId)) touch('move', event);
  });
  when('pointerup', (event) => {
    if (event.pointerType === 'touch') touch('end', event);
  });
  when('pointercancel', (event) => {
    if (event.pointerType === 'touch') touch('cancel', event);
  });
  // Only these count clicks.
  when('mousedown', (event) => mouse('down', event));
  when('mouseup', (event) => mouse('up', event));
  when('contextmenu', () => {});
  when('wheel', (event) => {
    const unit = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? picture.clientHeight : 1;
    const [dx, dy] = [event.deltaX * unit, event.deltaY * unit];
    send({ type: 'wheel', ...place(event), dx, dy, modifiers: modifiersOf(event) });
  });
  document.addEventListener('paste', (event) => {
    if (viewport() === undefined || document.activeElement !== picture) return;
    const text = event.clipboardData?.getData('text/plain') ?? '';
    if (text !== '') send({ type: 'text', text: text.slice(0, 65_536) });
  });
  for (const action of ['down', 'up']) {
    picture.addEventListener(`key${action}`, (event) => {
      const { key, code, repeat } = event;
      // Pasting is told by its own event, with what is pasted; what is composed is not told key by key.
      const pastes = (event.ctrlKey || event.metaKey) && key.toLowerCase() === 'v';
      if (viewport() === undefined || pastes || event.isComposing || key === 'Dead') return;
      event.preventDefault();
      send({ type: 'key', action, key, code, repeat, modifiers: modifiersOf(event) });
    });
  }
}
