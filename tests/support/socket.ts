import type { ServerMessage } from '../../packages/protocol/src/index.ts';
import { type HeardSocket, type NextMessage, nextOf, openHeardSocket } from './heard-socket.ts';
import type { TestServer } from './server.ts';

/** A client of `/v1/socket` that keeps every message. */
export interface SocketClient extends HeardSocket<ServerMessage> {
  /** Waits until a message fits, and gives it. */
  readonly next: NextMessage<ServerMessage>;
  /** Waits until the message of that id is answered, whatever with. */
  answer(id: string): Promise<ServerMessage>;
  /** Waits until so many events of a stream have come, and gives all of them. */
  events(stream: string, count: number): Promise<Extract<ServerMessage, { type: 'events' }>['events']>;
}

/** Opens a socket with the server's admin key, or another; rejects if the handshake is refused. */
export async function openSocket(server: TestServer, key: string = server.key): Promise<SocketClient> {
  return client(await openHeardSocket(`${server.url}/v1/socket`, { headers: { 'x-api-key': key } }));
}

/** Opens a socket as a browser does that has nothing but a ticket. */
export async function openTicketSocket(server: TestServer, ticket: string): Promise<SocketClient> {
  return client(await openHeardSocket(`${server.url}/v1/socket?ticket=${ticket}`));
}

function client(heard: HeardSocket<ServerMessage>): SocketClient {
  const { messages, when } = heard;
  return {
    ...heard,
    next: nextOf(heard),
    answer: (id) =>
      when(() => messages.find((message) => 'id' in message && message.id === id), `an answer to ${id}`),
    events(stream, count) {
      const all = () =>
        messages.flatMap((message) =>
          message.type === 'events' && message.stream === stream ? message.events : [],
        );
      return when(() => (all().length >= count ? all() : undefined), `${count} events of ${stream}`);
    },
  };
}
