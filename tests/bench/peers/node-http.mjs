// The bound of appending over HTTP from Node: reads the body, keeps nothing, answers a position.
import { createServer } from 'node:http';

let position = 0;
const server = createServer((request, response) => {
  request.on('data', () => {});
  request.on('end', () => {
    position++;
    const body = `{"position":"${position}"}`;
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
    response.end(body);
  });
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`ready ${server.address().port}\n`));
