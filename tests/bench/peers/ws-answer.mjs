// The bound of appending over a WebSocket from Node: `ws` reads each message, parses it, keeps nothing, and answers
// as Playhead does.
import { WebSocketServer } from 'ws';

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
server.on('connection', (socket) => {
  let position = 0;
  socket.on('message', (text) => {
    const { id, stream, events } = JSON.parse(text);
    position += events.length;
    socket.send(JSON.stringify({ type: 'appended', id, stream, position: String(position) }));
  });
});
server.on('listening', () => process.stdout.write(`ready ${server.address().port}\n`));
