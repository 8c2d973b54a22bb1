// The page of computers: which there are, what one shows, what happens in it, and the person's hands on it.

import { useHands } from './hands.js';
import { $, ask, begin, isKnown, tell } from './session.js';

/** Events kept on screen. */
const EVENTS = 200;

const screen = $('screen');
const picture = screen.getContext('2d');
let watched;
let socket;
/** As what this page is known to the computer, and whether it is in control. */
let viewer;
let control = false;
let viewport;
/** Behind the last event shown: a connection that broke goes on there. */
let position;
let shown;
let tries = 0;
let asked = 0;
const answers = new Map();

function send(message) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

/** Sends what is answered under a name of its own. */
function request(message) {
  const request_id = `console-${++asked}`;
  return new Promise((resolve) => {
    answers.set(request_id, resolve);
    send({ ...message, request_id });
  });
}

async function list() {
  if (!isKnown()) return;
  const computers = await ask('GET', '/v1/computers');
  if (computers === undefined) return;
  const rows = computers.map((computer) => {
    const row = document.createElement('li');
    row.append(
      button('', () => watch(computer.id), [
        ['code', computer.id],
        ['small', `${computer.status} · ${new Date(computer.created_at).toLocaleTimeString()}`],
      ]),
      button('End', async () => {
        await ask('DELETE', `/v1/computers/${encodeURIComponent(computer.id)}`);
        void list();
      }),
    );
    if (computer.id === watched) row.setAttribute('aria-current', 'true');
    return row;
  });
  $('computers').replaceChildren(...rows);
  if (watched === undefined && computers.length > 0) watch(computers[0].id);
}

function button(text, clicked, parts = []) {
  const made = document.createElement('button');
  made.type = 'button';
  made.textContent = text;
  for (const [name, content] of parts) {
    const part = document.createElement(name);
    part.textContent = content;
    made.append(part);
  }
  made.addEventListener('click', () => void clicked());
  return made;
}

/** Shows a computer, from now on. */
function watch(id) {
  watched = id;
  position = undefined;
  tries = 0;
  socket?.close();
  $('events').replaceChildren();
  $('tabs').replaceChildren();
  picture.clearRect(0, 0, screen.width, screen.height);
  $('title').textContent = id;
  showControl(null);
  for (const row of $('computers').children)
    row.toggleAttribute('aria-current', row.textContent.startsWith(id));
  void connect(id);
}

async function connect(id) {
  const ticket = await ask('POST', '/v1/tickets', {});
  if (ticket === undefined || watched !== id) return;
  const after = position === undefined ? '' : `&after=${encodeURIComponent(position)}`;
  const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
  const path = `/v1/computers/${encodeURIComponent(id)}/ws?ticket=${encodeURIComponent(ticket.ticket)}`;
  const mine = new WebSocket(`${scheme}//${location.host}${path}${after}`);
  mine.binaryType = 'arraybuffer';
  socket = mine;
  mine.addEventListener('open', () => {
    tries = 0;
    $('link').textContent = 'live';
    for (const part of ['address', 'visit', 'control']) $(part).disabled = false;
    send({ type: 'watch' });
    void loadTabs();
  });
  mine.addEventListener('message', ({ data }) => {
    if (mine !== socket) return;
    if (typeof data === 'string') take(JSON.parse(data));
    else void draw(data);
  });
  mine.addEventListener('close', ({ code }) => {
    if (mine !== socket) return;
    for (const part of ['address', 'visit', 'control']) $(part).disabled = true;
    showControl(null);
    // 1000: the computer is over. From 4500 on, and 1008, trying again is of no use.
    if (code === 1000 || code >= 4500) {
      $('link').textContent = 'ended';
      void list();
      return;
    }
    $('link').textContent = 'reconnecting…';
    setTimeout(
      () => watched === id && mine === socket && void connect(id),
      Math.min(250 * 2 ** tries++, 5000),
    );
  });
}

function take(message) {
  const answered = answers.get(message.request_id);
  if (answered !== undefined && message.type.endsWith('_result')) {
    answers.delete(message.request_id);
    answered(message);
    return;
  }
  if (message.position !== undefined) position = message.position;
  switch (message.type) {
    case 'receipt':
      viewer = message.viewer;
      return;
    case 'watch_result':
    case 'unwatch_result':
    case 'watch_ended':
    case 'pong':
      return;
    case 'input_result':
      return tell(message.error_message);
    case 'control':
      showControl(message.controller);
      break;
    case 'navigation':
    case 'page_loaded':
    case 'tab_opened':
    case 'tab_closed':
    case 'tab_activated':
      void loadTabs();
      break;
    default:
  }
  log(message);
}

/** A frame: two bytes for the length of its head, the head, the JPEG. */
async function draw(data) {
  const length = new DataView(data).getUint16(0);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 2, length)));
  const image = await createImageBitmap(new Blob([new Uint8Array(data, 2 + length)], { type: 'image/jpeg' }));
  // Decoding may overtake itself; numbers are those of one tab.
  if (shown !== undefined && shown.tab === head.tab_id && shown.number > head.number) return image.close();
  shown = { tab: head.tab_id, number: head.number };
  if (screen.width !== head.width || screen.height !== head.height) {
    screen.width = head.width;
    screen.height = head.height;
  }
  picture.drawImage(image, 0, 0);
  image.close();
  viewport = head.viewport;
  screen.dataset.tab = head.tab_id;
  screen.dataset.frame = String(head.number);
}

function log({ type, timestamp, url, error_message, status, text, action_type, action, title, ...rest }) {
  const row = document.createElement('li');
  const time = document.createElement('small');
  const name = document.createElement('strong');
  const what = document.createElement('span');
  time.textContent = new Date(timestamp).toLocaleTimeString();
  name.textContent = type;
  const about = [action_type ?? action?.type, status, title, url, text, error_message, rest.tab_id];
  what.textContent = about.filter((each) => each !== undefined && each !== '').join(' · ');
  row.append(time, name, what);
  $('events').prepend(row);
  while ($('events').childElementCount > EVENTS) $('events').lastElementChild.remove();
}

async function loadTabs() {
  const answer = await request({ type: 'list_tabs' });
  const tabs = answer.result?.tabs ?? [];
  const rows = tabs.map((tab) => {
    const made = button(tab.title || tab.url || tab.tab_id, () =>
      request({ type: 'switch_tab', tab_id: tab.tab_id }),
    );
    made.role = 'tab';
    made.ariaSelected = String(tab.is_main);
    if (tab.is_main && document.activeElement !== $('address')) $('address').value = tab.url;
    return made;
  });
  $('tabs').replaceChildren(...rows);
}

/** Told by an event, also when another takes it away. */
function showControl(controller) {
  control = controller !== null && controller.viewer === viewer;
  $('control').textContent = control ? 'Give back control' : 'Take control';
  $('control').setAttribute('aria-pressed', String(control));
  screen.classList.toggle('held', control);
  $('holder').textContent =
    controller === null ? 'nobody in control' : control ? 'you are in control' : 'somebody is in control';
}

$('control').addEventListener('click', async () => {
  const action = control ? 'release' : 'take';
  let answer = await request({ type: 'control', action });
  if (answer.code === 'not-in-control' && confirm('Somebody else is in control. Take it from them?'))
    answer = await request({ type: 'control', action, force: true });
  if (answer.status === 'ERROR') return tell(answer.error_message);
  tell('');
  showControl(answer.controller);
  screen.focus();
});

$('go').addEventListener('submit', async (event) => {
  event.preventDefault();
  const typed = $('address').value.trim();
  const url = /^[a-z][a-z0-9+.-]*:/i.test(typed) ? typed : `https://${typed}`;
  const answer = await request({ type: 'go_to_url', url });
  tell(answer.status === 'ERROR' ? answer.error_message : '');
});

$('new').addEventListener('click', async () => {
  const computer = await ask('POST', '/v1/computers', {});
  if (computer === undefined) return;
  watch(computer.id);
  void list();
});

$('refresh').addEventListener('click', () => void list());

useHands(
  screen,
  () => (control ? viewport : undefined),
  (input) => send({ type: 'input', input, tab_id: shown?.tab }),
);
begin({ changed: () => void list(), left: () => $('computers').replaceChildren() });
