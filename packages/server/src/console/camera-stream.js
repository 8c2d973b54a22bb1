// A camera's frames over the documented socket, and how they are drawn. Knows nothing of the page around it.

/** How often a connection is tried again, and the first wait before that, ms: twice as long each time (CC-26). */
const MAX_RETRIES = 5;
const RETRY_DELAY = 1000;

/** From here on close codes say that trying again is of no use. */
const FOR_GOOD = 4500;

/**
 * Watches one camera until `stop`. `url()` gives the address of a connection, each time anew; `frame` takes a FrameData;
 * `streaming` hears whether frames come; `failed` of each connection that broke, with the wait before the next in ms, or
 * undefined if there is none.
 */
export function watchCamera({ url, frame, streaming, failed }) {
  let socket;
  let timer;
  let attempt = 0;
  let stopped = false;

  async function connect() {
    const address = await url();
    if (stopped || address === undefined) return;
    const mine = new WebSocket(address);
    socket = mine;
    mine.addEventListener('open', () => streaming(true));
    mine.addEventListener('message', ({ data }) => {
      attempt = 0;
      frame(JSON.parse(data));
    });
    mine.addEventListener('close', ({ code }) => {
      if (mine !== socket) return;
      socket = undefined;
      streaming(false);
      if (stopped) return;
      const wait = code < FOR_GOOD && attempt < MAX_RETRIES ? RETRY_DELAY * 2 ** attempt++ : undefined;
      failed(wait);
      if (wait !== undefined) timer = setTimeout(() => void connect(), wait);
    });
  }

  void connect();
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
      socket?.close();
      streaming(false);
    },
  };
}

/** Draws a FrameData on a canvas, which gets the size of the picture (CC-24). Resolves once it is there. */
export async function drawFrame(canvas, { frame, detections }, showDetections) {
  const image = new Image();
  image.src = `data:image/jpeg;base64,${frame}`;
  await image.decode();
  const context = canvas.getContext('2d');
  if (canvas.width !== image.width) canvas.width = image.width;
  if (canvas.height !== image.height) canvas.height = image.height;
  context.drawImage(image, 0, 0);
  if (!showDetections || detections === undefined) return;
  context.strokeStyle = '#00ff00';
  context.fillStyle = '#00ff00';
  context.lineWidth = 2;
  for (const { class: name, confidence, bbox } of detections) {
    const [x, y, width, height] = bbox;
    context.strokeRect(x, y, width, height);
    context.fillText(`${name} (${(confidence * 100).toFixed(0)}%)`, x, y - 5);
  }
}
