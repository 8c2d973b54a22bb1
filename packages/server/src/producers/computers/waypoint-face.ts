import { randomBytes } from 'node:crypto';
import { jsonLine, PlayheadError } from '@playhead/protocol';
import { z } from 'zod';
import type { Principal } from '../../access/principal.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { SocketFace, SocketLine, SocketListener } from '../../transports/socket-face.ts';
import { checkInput } from '../check-input.ts';
import type { ActionResult } from './action-result.ts';
import type { Computer } from './computer.ts';
import { type CreateParts, startComputer } from './create-computer.ts';
import { readWish } from './create-input.ts';
import { type PerformParts, perform } from './perform.ts';
import { type ActionLimits, readAction } from './read-action.ts';

export interface WaypointParts extends CreateParts, PerformParts {
  readonly logger: Logger;
  readonly limits: ActionLimits;
}

/**
 * The oldest of the documented clients: a computer of its own for each socket, gone with it. Every message is a request
 * and gets one reply, in order; nothing else is said.
 */
export function waypointSocket(parts: WaypointParts): SocketFace {
  return {
    paths: ['/ephemeral-tzafonwright'],
    access: { scope: 'computers:control' },
    tokenInQuery: true,
    admit({ principal }) {
      if (principal === undefined) throw new PlayheadError('unauthenticated', 'A key is needed.');
      return (line) => new WaypointSocket(parts, line, principal);
    },
  };
}

const request = z.object({ action_type: z.string(), timeout: z.number().positive().exactOptional() });

class WaypointSocket implements SocketListener {
  readonly #parts: WaypointParts;
  readonly #line: SocketLine;
  readonly #principal: Principal;
  readonly #computer: Promise<Computer>;
  #last: Promise<void> = Promise.resolve();

  constructor(parts: WaypointParts, line: SocketLine, principal: Principal) {
    this.#parts = parts;
    this.#line = line;
    this.#principal = principal;
    // Not before the handshake is done: a request that fails there must leave nothing behind.
    this.#computer = startComputer(parts, principal, readWish({}, parts.settings));
    void this.#follow();
  }

  /** Also binary messages: one of its clients sends those. */
  text(message: string): Promise<void> {
    const answered = this.#last.then(() => this.#answer(message));
    this.#last = answered;
    return answered;
  }

  closed(): void {
    const by = this.#principal.keyId;
    this.#computer.then(
      ({ session }) => session.stop({ kind: 'stopped', by }),
      () => undefined,
    );
  }

  // A computer that did not come up, or has ended, has nothing to reply any more.
  async #follow(): Promise<void> {
    try {
      const { session } = await this.#computer;
      if (!this.#line.open) this.closed();
      await session.ended;
      this.#line.close('finished', 'the computer is terminated');
    } catch (error) {
      const known =
        error instanceof PlayheadError ? error : new PlayheadError('internal', 'The server failed.');
      if (known.code === 'internal')
        this.#parts.logger.error({ err: error }, 'a computer could not be started');
      this.#line.close(known.code, known.message);
    }
  }

  async #answer(message: string): Promise<void> {
    let computer: Computer;
    try {
      computer = await this.#computer;
    } catch {
      // The close of the socket says why.
      return;
    }
    try {
      const input: unknown = JSON.parse(message);
      const { action_type, timeout = 5_000 } = checkInput(request, input);
      const action = readAction(
        translated(action_type, input),
        `req_${randomBytes(10).toString('hex')}`,
        this.#parts.limits,
      );
      const actionMs = Math.min(timeout, this.#parts.actionMs);
      const caller = { principal: this.#principal, viewer: null };
      this.#reply(await perform({ ...this.#parts, actionMs }, computer, action, caller));
    } catch (error) {
      const known = error instanceof PlayheadError || error instanceof SyntaxError;
      if (!known) throw error;
      this.#send({ success: false, error_message: error.message });
    }
  }

  #reply({ status, error_message, result }: ActionResult): void {
    if (status === 'ERROR') this.#send({ success: false, error_message });
    else
      this.#send({
        success: true,
        ...('screenshot_base64' in result ? { image: result['screenshot_base64'] } : {}),
      });
  }

  #send(reply: Readonly<Record<string, unknown>>): void {
    this.#line.send(jsonLine(reply));
  }
}

/** A request of this client as the action that it means. */
function translated(type: string, input: unknown): unknown {
  const members = checkInput(z.record(z.string(), z.unknown()), input);
  switch (type) {
    case 'goto':
    case 'click':
    case 'type':
      return { ...members, type };
    case 'scroll':
      return { type, dx: members['delta_x'], dy: members['delta_y'], x: members['x'], y: members['y'] };
    case 'screenshot':
      return { type, base64: true, format: 'jpeg' };
    case 'set_viewport_size':
      return { type: 'set_viewport', width: members['width'], height: members['height'] };
    default:
      throw new PlayheadError('invalid-request', `action_type: there is no ${JSON.stringify(type)}`);
  }
}
