// The page of cameras: which there are, what one shows, and what was found in it.

import { drawFrame, watchCamera } from './camera-stream.js';
import { $, ask, begin, isKnown, tell } from './session.js';

/** What was found that is kept on screen. */
const FOUND = 50;
/** How long a toast stays, ms. */
const TOAST_MS = 4000;

const canvas = $('view');
let chosen = 'demo';
let stream;
let drawing = false;
let waiting;
let times = [];
let toastTimer;

/** With a ticket of one use where the person is known; a camera that is public needs none. */
async function address(id) {
  const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
  const path = `${scheme}//${location.host}/ws/stream/${encodeURIComponent(id)}`;
  if (!isKnown()) return path;
  const ticket = await ask('POST', '/v1/tickets', {});
  return ticket === undefined ? path : `${path}?ticket=${encodeURIComponent(ticket.ticket)}`;
}

function start() {
  stop();
  const id = chosen;
  times = [];
  $('toggle').textContent = 'Stop';
  stream = watchCamera({
    url: () => address(id),
    frame: (data) => void show(data),
    streaming: (on) => showState(on, on ? 'live' : 'stopped'),
    failed(wait) {
      toast('Stream connection error');
      if (wait === undefined) stop();
      else showState(false, `again in ${wait / 1000} s`);
    },
  });
}

function stop() {
  stream?.stop();
  stream = undefined;
  waiting = undefined;
  $('toggle').textContent = 'Start';
}

function showState(streaming, text) {
  $('state').dataset.streaming = String(streaming);
  $('state').textContent = text;
}

/** One picture is decoded at a time; of those that come meanwhile, the newest is next. */
async function show(data) {
  waiting = data;
  if (drawing) return;
  drawing = true;
  while (waiting !== undefined) {
    const next = waiting;
    waiting = undefined;
    try {
      await drawFrame(canvas, next, $('detections').checked);
      showFacts(next);
    } catch {
      tell('A frame is no picture that this browser can show.');
    }
  }
  drawing = false;
}

function showFacts({ timestamp, detections }) {
  const now = performance.now();
  times = [...times.filter((time) => now - time < 1000), now];
  const age = Math.max(0, Date.now() - timestamp);
  $('facts').textContent = `${canvas.width}×${canvas.height} · ${times.length} fps · ${age} ms old`;
  canvas.dataset.timestamp = String(timestamp);
  for (const { class: name, confidence, bbox } of detections ?? []) {
    const row = document.createElement('li');
    const at = new Date(timestamp).toLocaleTimeString();
    row.textContent = `${at} ${name} (${(confidence * 100).toFixed(0)}%) at ${bbox.map(Math.round).join(', ')}`;
    $('found').prepend(row);
  }
  while ($('found').childElementCount > FOUND) $('found').lastElementChild.remove();
}

function toast(text) {
  $('toast').textContent = text;
  $('toast').hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => {
    $('toast').hidden = true;
  }, TOAST_MS);
}

function choose(id) {
  const was = stream !== undefined;
  chosen = id;
  $('title').textContent = id;
  $('found').replaceChildren();
  for (const row of $('cameras').children) row.toggleAttribute('aria-current', row.dataset.id === id);
  if (was) start();
}

async function list() {
  if (!isKnown()) return;
  const answer = await ask('GET', '/v1/cameras');
  if (answer === undefined) return;
  $('cameras').replaceChildren(
    ...answer.cameras.map(({ id, url, state }) => {
      const row = document.createElement('li');
      const name = document.createElement('code');
      const about = document.createElement('small');
      name.textContent = id;
      about.textContent = [state.status, state.reason, url ?? 'pushed'].filter(Boolean).join(' · ');
      row.dataset.id = id;
      row.toggleAttribute('aria-current', id === chosen);
      const pick = button('', () => choose(id));
      pick.append(name, about);
      const remove = button('Delete', async () => {
        if (!confirm(`Delete ${id}, and what was found in it?`)) return;
        await ask('DELETE', `/v1/cameras/${encodeURIComponent(id)}`);
        void list();
      });
      row.append(pick, remove);
      return row;
    }),
  );
}

function button(text, clicked) {
  const made = document.createElement('button');
  made.type = 'button';
  made.textContent = text;
  made.addEventListener('click', () => void clicked());
  return made;
}

$('toggle').addEventListener('click', () => (stream === undefined ? start() : stop()));
$('refresh').addEventListener('click', () => void list());
$('new').addEventListener('submit', async (event) => {
  event.preventDefault();
  const [id, url, detect] = [$('id').value, $('url').value, $('detect').value];
  const made = await ask('POST', '/v1/cameras', {
    id,
    url: url === '' ? null : url,
    detect: detect === '' ? null : detect,
  });
  if (made === undefined) return;
  $('new').reset();
  await list();
  choose(id);
});
// Whoever leaves the page leaves the camera, too.
window.addEventListener('pagehide', stop);
begin({ changed: () => void list(), left: () => $('cameras').replaceChildren() });
