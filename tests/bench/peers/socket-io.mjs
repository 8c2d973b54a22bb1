// Fan-out by Socket.IO: an event emitted in the namespace /publish goes to everyone in the main one. No log.
import { createServer } from 'node:http';
import { Server } from 'socket.io';

const http = createServer();
const io = new Server(http, { transports: ['websocket'], perMessageDeflate: false });
io.of('/publish').on('connection', (socket) => socket.on('e', (data) => io.emit('e', data)));
http.listen(0, '127.0.0.1', () => process.stdout.write(`ready ${http.address().port}\n`));
