// A page's client of cameras with the browser's own WebSocket: no token in the address, each message taken for a frame,
// each frame drawn, and sent on to the server with the key. Put into a page as it is; `settings` and `seen` are the page's.
let socket = null;

window.startStreaming = (cameraId) => {
  socket = new WebSocket(`ws://${settings.host}:${settings.port}/ws/stream/${cameraId}`);
  socket.onopen = () => seen.streaming.push(true);
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    seen.frames.push(message);
    draw(document.querySelector('canvas'), message);
    void forward(message);
  };
  socket.onerror = () => seen.errors.push('Stream connection error');
  socket.onclose = () => seen.streaming.push(false);
};

window.stopStreaming = () => {
  socket?.close();
  socket = null;
  seen.streaming.push(false);
};

async function forward({ frame, timestamp, camera_id }) {
  const response = await fetch(`${settings.api}/api/v1/actions/actions/send`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${settings.key}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ streamName: 'webcam', streamType: 'frame', frame, timestamp, camera_id }),
  });
  seen.answers.push(response.status);
}

function draw(canvas, { frame, detections = [] }) {
  const picture = new Image();
  picture.onload = () => {
    canvas.width = picture.width;
    canvas.height = picture.height;
    const pen = canvas.getContext('2d');
    pen.drawImage(picture, 0, 0);
    for (const { bbox } of detections) pen.strokeRect(...bbox);
    seen.drawn += 1;
  };
  picture.src = `data:image/jpeg;base64,${frame}`;
}
