// The bound of a command's output over SSE from Node: runs `seq 1 N` (?n=N), splits its output into lines and
// writes each as an event to the one who asked. No log, no resumption, no second reader.
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';

const server = createServer((request, response) => {
  const count = new URL(request.url, 'http://localhost').searchParams.get('n') ?? '1';
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const { stdout } = spawn('seq', ['1', count], { stdio: ['ignore', 'pipe', 'ignore'] });
  stdout.setEncoding('utf8');
  let rest = '';
  let id = 0;
  stdout.on('data', (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    let frames = '';
    for (const line of lines) {
      frames += `id: ${++id}\nevent: output\ndata: ${JSON.stringify({ line, stream: 'stdout' })}\n\n`;
    }
    if (response.write(frames)) return;
    stdout.pause();
    response.once('drain', () => stdout.resume());
  });
  stdout.on('end', () => response.end('event: complete\ndata: {"exit_code":0}\n\n'));
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`ready ${server.address().port}\n`));
