import { createServer } from 'node:http';

// A model behind OpenAI's wire format that says numbers: `{"chunks": n, "per_second": r}` in the prompt asks for n of
// them, r a second (0: at once). Each chunk holds the time at which it was said, ms, so that whoever reads knows its age.
const now = () => performance.timeOrigin + performance.now();

const server = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8').on('data', (piece) => (body += piece));
  request.on('end', () => {
    const { messages } = JSON.parse(body);
    const { chunks, per_second: rate } = JSON.parse(messages.at(-1).content);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    let said = 0;
    const say = () => {
      if (response.destroyed) return;
      const content = `${now().toFixed(3)} `;
      response.write(`data: {"id":"1","choices":[{"index":0,"delta":{"content":"${content}"}}]}\n\n`);
      if (++said < chunks) return;
      clearInterval(timer);
      response.end(
        'data: {"id":"1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
      );
    };
    const timer = rate > 0 ? setInterval(say, 1000 / rate) : undefined;
    if (rate > 0) say();
    else for (let i = 0; i < chunks; i++) say();
  });
});
server.listen(0, '127.0.0.1', () => console.log(`listening on ${server.address().port}`));
