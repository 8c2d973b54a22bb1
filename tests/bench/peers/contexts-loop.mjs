// The same conversation as the contexts' socket with nothing behind it: nobody is checked, nothing is stored, indexed or
// limited. What a user syncs goes to that user's sockets, what the operator says to all.
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

const users = new Map();
const all = new Set();
let told = 0;

const update = (channel, payload, sequenceNumber) => {
  const now = new Date().toISOString();
  const event = { id: 'evt', timestamp: now, userId: 'u', channelId: 'user:u', source: {}, payload };
  return JSON.stringify({ type: 'state-update', channel, event, publishedAt: now, sequenceNumber });
};

const server = createServer((request, response) => {
  if (request.method !== 'POST') {
    const user = new URL(request.url, 'http://localhost').searchParams.get('userId');
    response.end(
      JSON.stringify({ connections: [...(users.get(user)?.sockets ?? [])].map(() => ({})), items: [] }),
    );
    return;
  }
  request.resume().on('end', () => {
    const text = update('global-events', { kind: 'maintenance', data: {} }, ++told);
    for (const socket of all) socket.send(text);
    response.writeHead(201).end('{}');
  });
});

new WebSocketServer({ server, perMessageDeflate: false }).on('connection', (socket) => {
  let user;
  all.add(socket);
  socket.send('{"type":"welcome","connectionId":"x"}');
  socket.on('message', (data) => {
    const message = JSON.parse(data);
    const { requestId } = message;
    if (message.type === 'auth') {
      user = users.get(message.userId) ?? { sockets: new Set(), number: 0 };
      users.set(message.userId, user);
      user.sockets.add(socket);
      socket.send(JSON.stringify({ type: 'auth_response', success: true, requestId }));
    } else if (message.type === 'subscribe') {
      socket.send(JSON.stringify({ type: 'subscription-confirmed', channels: message.channels, requestId }));
    } else if (message.type === 'sync') {
      const { context } = message.message.payload;
      const payload = { kind: 'context.updated', data: { contextId: context.id, context } };
      const text = update('user-contexts', payload, ++user.number);
      for (const each of user.sockets) each.send(text);
      socket.send(JSON.stringify({ type: 'sync-confirmed', requestId }));
    }
  });
  socket.on('close', () => {
    all.delete(socket);
    user?.sockets.delete(socket);
  });
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`ready ${server.address().port}\n`));
