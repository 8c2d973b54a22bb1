// A page's client with the browser's own EventSource: relative URLs, the key only where a command is started,
// because EventSource sends no headers. Put into the page as it is; `window.printed` is its console.
window.printed = [];

const print = (line) => window.printed.push(line);

async function executeCommand(projectId, command, apiKey) {
  const response = await fetch(`/projects/${projectId}/shell`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-API-Key': apiKey },
    body: JSON.stringify({ command }),
  });
  const { data } = await response.json();
  return watchStream(projectId, data.id);
}

// Until `complete` or the server's own `error`; a lost connection is the browser's business.
function watchStream(projectId, streamId) {
  const source = new EventSource(`/projects/${projectId}/events?stream_id=${streamId}`);
  return new Promise((resolve, reject) => {
    source.addEventListener('connected', (event) =>
      print(`Connected: ${JSON.stringify(JSON.parse(event.data))}`),
    );
    source.addEventListener('output', (event) => {
      const { line, stream } = JSON.parse(event.data);
      print(`[${stream}] ${line}`);
    });
    source.addEventListener('complete', (event) => {
      const { exit_code, duration_ms } = JSON.parse(event.data);
      source.close();
      print(`Exit code: ${exit_code}`);
      resolve({ exitCode: exit_code, duration: duration_ms });
    });
    source.addEventListener('error', (event) => {
      if (event.data) reject(new Error(JSON.parse(event.data).message));
      else if (source.readyState === EventSource.CLOSED) reject(new Error('Connection closed'));
      else print('Connection error, reconnecting...');
    });
  });
}

// Never closes by itself: only an answer that is fatal to EventSource, 204 among them, ends it.
function watchUntilRefused(url) {
  const source = new EventSource(url);
  return new Promise((resolve) => {
    let completes = 0;
    source.addEventListener('complete', () => completes++);
    source.onerror = (event) => {
      if (event.data) return;
      if (source.readyState === EventSource.CLOSED) resolve(completes);
      else print('Connection error, reconnecting...');
    };
  });
}

Object.assign(window, { executeCommand, watchStream, watchUntilRefused });
