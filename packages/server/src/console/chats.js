// The plain page of chats: ask, read the answer as it comes, reload in the middle, stop. What is being answered goes on
// without the page, so a reload, or a second page, finds it again.

import { $, ask, begin, headers, isKnown, tell } from './session.js';

/** Between two paintings of an answer that is being given, ms: text can come faster than it can be read. */
const DEBOUNCE = 50;

let chat;
let reading;
let shown = { text: '' };
let painting;

function setState(text) {
  $('state').textContent = text;
  $('stop').disabled = text !== 'answering';
  $('ask').disabled = text === 'answering';
}

function add(role, text, ending) {
  const element = document.createElement('p');
  element.className = `message ${role}`;
  element.textContent = text;
  if (ending !== undefined && ending !== 'completed') {
    const note = document.createElement('small');
    note.textContent = ending;
    element.append(note);
  }
  $('messages').append(element);
  element.scrollIntoView({ block: 'end' });
  return element;
}

/** Shows what was said so far, at most once in a while. */
function paint() {
  if (painting !== undefined) return;
  painting = setTimeout(() => {
    painting = undefined;
    if (shown.element === undefined) return;
    shown.element.textContent = shown.text;
    shown.element.scrollIntoView({ block: 'end' });
  }, DEBOUNCE);
}

/** The data of a response's events, as they come. */
async function* eventsOf(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split('\n\n');
    rest = blocks.pop();
    for (const block of blocks) {
      const type = /^event: (.*)$/m.exec(block)?.[1];
      const data = /^data: (.*)$/m.exec(block)?.[1];
      if (data !== undefined) yield { type, data: JSON.parse(data) };
    }
  }
}

/** Reads an answer to its end; then the chat is shown as the server has it. */
async function read(response, element) {
  shown = { text: '', element };
  setState('answering');
  element.classList.add('waiting');
  try {
    for await (const { type, data } of eventsOf(response)) {
      if (type === 'snapshot') shown.text = data.text;
      else if (type === 'text' || data.type === 'chunk') shown.text += data.text;
      else if (type === 'problem' || data.type === 'error') tell(data.message);
      paint();
    }
  } catch {
    // The connection broke, or the page shows another chat: what goes on is found below.
  }
  if (reading === response) await open(chat);
}

async function open(id) {
  const known = await ask('GET', `/chats/${id}`);
  if (known === undefined) return;
  chat = id;
  history.replaceState(null, '', `#chat=${id}`);
  $('title').textContent = known.title || id;
  $('messages').replaceChildren();
  for (const { role, content, ending } of known.messages) add(role, content, ending);
  if (known.answer === null) return setState('idle');
  const element = add('assistant', known.answer.text);
  const response = await fetch(`/chats/${id}/answer`, { headers: headers() });
  if (response.status !== 200) return open(id);
  reading = response;
  void read(response, element);
}

async function send(prompt) {
  if (chat === undefined) {
    const made = await ask('POST', '/chats', { title: prompt.slice(0, 80) });
    if (made === undefined) return;
    chat = made.id;
    history.replaceState(null, '', `#chat=${chat}`);
    $('title').textContent = made.title;
    void list();
  }
  // Both are there before anything was answered.
  const mine = add('user', prompt);
  const element = add('assistant', '');
  const response = await fetch(`/chats/${chat}/messages`, {
    method: 'POST',
    headers: headers(),
    body: JSON.stringify({ prompt, detach: true }),
  }).catch(() => undefined);
  if (response?.ok !== true) {
    const answer = await response?.json().catch(() => undefined);
    mine.remove();
    element.remove();
    $('prompt').value = prompt;
    return tell(answer?.error?.message ?? 'The server does not answer. Is it running?');
  }
  tell('');
  reading = response;
  await read(response, element);
}

async function list() {
  if (!isKnown()) return;
  const { chats = [] } = (await ask('GET', '/chats?limit=50')) ?? {};
  $('chats').replaceChildren(
    ...chats.map(({ id, title }) => {
      const item = document.createElement('li');
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = title || id;
      button.addEventListener('click', () => void open(id));
      item.append(button);
      return item;
    }),
  );
}

$('form').addEventListener('submit', (event) => {
  event.preventDefault();
  const prompt = $('prompt').value.trim();
  if (prompt === '' || $('ask').disabled) return;
  $('prompt').value = '';
  void send(prompt);
});
$('stop').addEventListener('click', () => void ask('POST', `/chats/${chat}/stop`, {}));
$('refresh').addEventListener('click', () => void list());
$('new').addEventListener('click', () => {
  chat = undefined;
  reading = undefined;
  history.replaceState(null, '', location.pathname);
  $('messages').replaceChildren();
  $('title').textContent = 'a new chat';
  setState('idle');
  $('prompt').focus();
});

const first = /^#chat=([\w-]+)$/.exec(location.hash)?.[1];
begin({
  changed() {
    void list();
    if (isKnown() && chat === undefined && first !== undefined) void open(first);
  },
  left() {
    $('chats').replaceChildren();
    $('messages').replaceChildren();
    chat = undefined;
    setState('idle');
  },
});
