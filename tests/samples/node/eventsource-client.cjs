// A client with the package `eventsource` (2.x), which sends the key as a header and reconnects by itself.
//
// run BASE PROJECT KEY COMMAND
// follow BASE PROJECT KEY STREAM_ID [LAST_EVENT_ID]
const EventSource = require('eventsource');

async function start(base, project, key, command) {
  const response = await fetch(`${base}/projects/${project}/shell`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-API-Key': key },
    body: JSON.stringify({ command }),
  });
  const { data } = await response.json();
  return data.id;
}

function connect(url, headers, handlers) {
  const source = new EventSource(url, { headers });
  source.addEventListener('connected', (event) => handlers.onConnected(JSON.parse(event.data)));
  source.addEventListener('output', (event) => handlers.onOutput(JSON.parse(event.data)));
  source.addEventListener('complete', (event) => {
    handlers.onComplete(JSON.parse(event.data));
    source.close();
  });
  source.onerror = (event) => handlers.onError(event);
  return source;
}

async function main() {
  const [mode, base, project, key, subject, lastEventId] = process.argv.slice(2);
  const id = mode === 'run' ? await start(base, project, key, subject) : subject;
  const headers = { 'X-API-Key': key };
  if (lastEventId !== undefined) headers['Last-Event-ID'] = lastEventId;
  const source = connect(`${base}/projects/${project}/events?stream_id=${id}`, headers, {
    onConnected: (data) => console.log(`Connected: ${JSON.stringify(data)}`),
    onOutput: ({ line, stream }) => console.log(`[${stream}] ${line}`),
    onComplete: ({ exit_code }) => console.log(`Exit code: ${exit_code}`),
    // The same name for two things: only the server's own `error` has data.
    onError(event) {
      if (event.data) console.log(`Error: ${JSON.parse(event.data).message}`);
      // The library tells of a refusal before it closes: the state counts once it has returned.
      else
        setImmediate(() =>
          console.log(
            source.readyState === EventSource.CLOSED
              ? `Connection closed: ${event.status}`
              : 'Connection error, reconnecting...',
          ),
        );
    },
  });
}

main();
