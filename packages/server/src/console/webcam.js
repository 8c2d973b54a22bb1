// A browser's webcam as a camera: its pictures go to the server one by one, no faster than they are taken there.

import { $, ask, begin, tell } from './session.js';

/** Frames that the server has not answered yet. */
const UNANSWERED = 2;
const QUALITY = 0.8;

const video = $('preview');
const canvas = document.createElement('canvas');
let sending;

async function start() {
  tell('');
  const id = $('id').value;
  const ticket = await ask('POST', '/v1/tickets', {});
  if (ticket === undefined) return;
  let media;
  try {
    media = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 } });
  } catch (error) {
    return tell(`The webcam cannot be used: ${error.message}`);
  }
  video.srcObject = media;
  const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
  const path = `${scheme}//${location.host}/v1/cameras/${encodeURIComponent(id)}/publish`;
  const socket = new WebSocket(`${path}?ticket=${encodeURIComponent(ticket.ticket)}`);
  const mine = { socket, media, unanswered: 0, taken: 0, timer: undefined };
  sending = mine;
  $('toggle').textContent = 'Stop';
  socket.addEventListener('open', () => {
    showState(true, 'sending');
    mine.timer = setInterval(() => void shoot(mine), 1000 / Math.max(1, Number($('fps').value)));
  });
  socket.addEventListener('message', ({ data }) => {
    const answer = JSON.parse(data);
    mine.unanswered--;
    if (answer.type === 'refused') tell(answer.message);
    else if (!answer.published) tell('The camera of that name has a source of its own: choose another name.');
    else mine.taken++;
    $('facts').textContent = `${mine.taken} frames`;
    $('facts').dataset.taken = String(mine.taken);
  });
  socket.addEventListener('close', () => {
    if (sending !== mine) return;
    stop();
    tell('The connection ended. Start again to go on.');
  });
}

async function shoot(mine) {
  if (mine.unanswered >= UNANSWERED || video.videoWidth === 0) return;
  mine.unanswered++;
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext('2d').drawImage(video, 0, 0);
  const picture = await new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', QUALITY));
  if (picture === null || mine.socket.readyState !== WebSocket.OPEN) return;
  mine.socket.send(picture);
}

function stop() {
  const mine = sending;
  sending = undefined;
  $('toggle').textContent = 'Start';
  showState(false, 'stopped');
  if (mine === undefined) return;
  clearInterval(mine.timer);
  mine.socket.close();
  for (const track of mine.media.getTracks()) track.stop();
  video.srcObject = null;
}

function showState(on, text) {
  $('state').dataset.streaming = String(on);
  $('state').textContent = text;
}

$('go').addEventListener('submit', (event) => {
  event.preventDefault();
  if (sending === undefined) void start();
  else stop();
});
window.addEventListener('pagehide', stop);
begin({ changed: () => {}, left: stop });
