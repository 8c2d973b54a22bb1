import { PlayheadError } from '@playhead/protocol';
import { z } from 'zod';
import { envelope } from '../../http/envelope.ts';
import type { Exchange, Reply } from '../../http/exchange.ts';
import type { Router } from '../../http/router.ts';
import type { TerminalCaller } from '../../transports/terminals.ts';
import { callerOf } from '../caller.ts';
import { checkInput } from '../check-input.ts';
import type { CommandRecord } from './command-store.ts';
import { terminalSizeSchema } from './terminal-size.ts';
import type { CommandTerminals } from './terminals.ts';

export interface TerminalRouteParts {
  readonly terminals: CommandTerminals;
  /** The command that a path names; throws `not-found`. */
  readonly named: (exchange: Exchange) => Promise<CommandRecord>;
}

const input = z.object({ data: z.string(), encoding: z.enum(['utf8', 'base64']).default('utf8') });
const signal = z.object({ name: z.string().max(20) });

/**
 * `GET …/commands/{cid}/screen`, and `POST …/input`, `/resize` and `/signal`: a terminal for programs. They have no
 * connection that could have control, so they are refused while somebody has it.
 */
export function mountTerminals(router: Router, { terminals, named }: TerminalRouteParts): void {
  function add(
    what: string,
    act: (exchange: Exchange, caller: TerminalCaller, stream: string) => Promise<void>,
  ): void {
    router.add({
      method: 'POST',
      path: `/projects/:id/commands/:cid/${what}`,
      access: { scope: 'projects:execute' },
      async handle(exchange): Promise<Reply> {
        const { id } = await named(exchange);
        await act(exchange, { principal: callerOf(exchange), viewer: null }, `commands/${id}/pty`);
        return { status: 204 };
      },
    });
  }

  router.add({
    method: 'GET',
    path: '/projects/:id/commands/:cid/screen',
    access: { scope: 'projects:read' },
    async handle(exchange): Promise<Reply> {
      const { id, pty } = await named(exchange);
      if (pty === undefined) throw new PlayheadError('conflict', 'The command has no terminal.');
      return envelope(exchange, await terminals.screen(callerOf(exchange), `commands/${id}/pty`));
    },
  });

  add('input', async (exchange, caller, stream) => terminals.type(caller, stream, await typed(exchange)));
  add('resize', async (exchange, caller, stream) =>
    terminals.resize(caller, stream, checkInput(terminalSizeSchema, await exchange.json())),
  );
  add('signal', async (exchange, caller, stream) =>
    terminals.signal(caller, stream, checkInput(signal, await exchange.json()).name),
  );
}

/** The bytes of a body: `{data, encoding}` where it is JSON, else as they are. */
async function typed(exchange: Exchange): Promise<Uint8Array> {
  const type = exchange.request.headers['content-type'] ?? '';
  if (!/^application\/json\b/i.test(type)) return exchange.body();
  const { data, encoding } = checkInput(input, await exchange.json());
  return Buffer.from(data, encoding);
}
