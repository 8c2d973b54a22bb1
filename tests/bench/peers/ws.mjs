// Fan-out by `ws`: what a publisher at /publish says goes to every other socket. In memory, no log.
import { WebSocketServer } from 'ws';

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
const subscribers = new Set();
server.on('connection', (socket, request) => {
  if (request.url === '/publish') {
    socket.on('message', (data) => {
      for (const subscriber of subscribers) subscriber.send(data, { binary: false });
    });
    return;
  }
  subscribers.add(socket);
  socket.on('close', () => subscribers.delete(socket));
});
server.on('listening', () => process.stdout.write(`ready ${server.address().port}\n`));
