// The plain page: start a command, watch it, reload, resume. What is watched is kept in the tab's session, and the
// server replays it from the start, so a reload loses nothing.

import { $, ask, begin, isKnown } from './session.js';

/** Lines kept on screen; older ones are cut, the stream still has them. */
const LINES = 5000;

const output = $('output');
let source;
let watched;
let pending = [];
let painting = false;

function setState(text, mood = '') {
  $('state').textContent = text;
  $('state').className = `state ${mood}`;
  $('stop').disabled = text !== 'running';
}

// Output can come faster than a screen can show it: lines are gathered and painted once per frame.
function print(line, stream) {
  pending.push([line, stream]);
  if (painting) return;
  painting = true;
  setTimeout(paint, 16);
}

function paint() {
  painting = false;
  const follow = output.scrollTop + output.clientHeight >= output.scrollHeight - 4;
  const fragment = document.createDocumentFragment();
  for (const [line, stream] of pending.slice(-LINES)) {
    const row = document.createElement('span');
    if (stream === 'stderr') row.className = 'stderr';
    row.textContent = `${line}\n`;
    fragment.append(row);
  }
  pending = [];
  output.append(fragment);
  while (output.childElementCount > LINES) output.firstElementChild.remove();
  if (follow) output.scrollTop = output.scrollHeight;
}

/** Shows a command from its start, then live. EventSource resumes by itself after a drop. */
function watch(command) {
  source?.close();
  watched = command;
  sessionStorage.setItem('watched', JSON.stringify(command));
  output.replaceChildren();
  pending = [];
  $('title').textContent = command.command;
  setState('running');
  const url = `/projects/${encodeURIComponent(command.project)}/events?stream_id=${encodeURIComponent(command.id)}`;
  source = new EventSource(url);
  source.addEventListener('connected', () => {
    $('link').textContent = 'live';
  });
  source.addEventListener('output', (event) => {
    const { line, stream } = JSON.parse(event.data);
    print(line, stream);
  });
  source.addEventListener('complete', (event) => {
    source.close();
    const { exit_code, duration_ms, ending, signal } = JSON.parse(event.data);
    const kind = ending?.kind ?? ending ?? 'exited';
    const what = kind === 'exited' ? `exited ${exit_code}` : signal ? `${kind} (${signal})` : kind;
    setState(what, exit_code === 0 ? 'good' : 'bad');
    $('link').textContent = `${(duration_ms / 1000).toFixed(1)} s`;
    void list();
  });
  // The name is shared: with data it is the server's word about the command, without it the connection broke.
  source.addEventListener('error', (event) => {
    if (event.data) print(JSON.parse(event.data).message, 'stderr');
    else if (source.readyState === EventSource.CLOSED) setState('not there', 'bad');
    else $('link').textContent = 'reconnecting…';
  });
}

async function list() {
  if (!isKnown()) return;
  const project = encodeURIComponent($('project').value);
  const answer = await ask('GET', `/projects/${project}/commands?limit=20`);
  if (answer === undefined) return;
  const rows = (answer.data ?? []).map((command) => {
    const row = document.createElement('li');
    const button = document.createElement('button');
    const text = document.createElement('code');
    const status = document.createElement('small');
    text.textContent = command.command ?? command.type;
    status.textContent = `${command.status} · ${new Date(command.created_at).toLocaleTimeString()}`;
    button.type = 'button';
    button.append(text, status);
    button.addEventListener('click', () => watch(command));
    row.append(button);
    return row;
  });
  $('commands').replaceChildren(...rows);
}

$('form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const project = $('project').value.trim();
  const answer = await ask('POST', `/projects/${encodeURIComponent(project)}/shell`, {
    command: $('command').value,
  });
  if (answer === undefined) return;
  watch({ id: answer.data.id, project, command: $('command').value });
  void list();
});

$('stop').addEventListener('click', () => {
  void ask(
    'DELETE',
    `/projects/${encodeURIComponent(watched.project)}/commands/${encodeURIComponent(watched.id)}`,
  );
});

$('refresh').addEventListener('click', () => void list());

const kept = sessionStorage.getItem('watched');
if (kept !== null) watch(JSON.parse(kept));
begin({ changed: () => void list(), left: () => $('commands').replaceChildren() });
