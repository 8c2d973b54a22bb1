import { randomBytes, randomUUID } from 'node:crypto';
import { jsonLine, PlayheadError, type Position } from '@playhead/protocol';
import { allows, type Principal } from '../../access/principal.ts';
import type { Clock } from '../../runtime/clock.ts';
import type {
  SocketFace,
  SocketLine,
  SocketListener,
  SocketRendering,
} from '../../transports/socket-face.ts';
import { PREFIXES } from './both-prefixes.ts';
import type { Computer } from './computer.ts';
import { type ComputerRecord, computerStream } from './computer-store.ts';
import { positionedText } from './event-face.ts';
import { cursorOf } from './event-route.ts';
import { type FindParts, findComputer } from './find-computer.ts';
import { type PerformParts, perform } from './perform.ts';
import type { ActionLimits } from './read-action.ts';
import { readSocketMessage, type SocketMessage } from './socket-message.ts';

export interface SocketParts extends FindParts, PerformParts {
  readonly clock: Clock;
  readonly limits: ActionLimits;
  /** What else a viewer can be shown; without it nothing. */
  readonly extras?: SocketExtras;
}

/** Adds messages of its own to the sockets of computers. */
export type SocketExtras = (line: SocketLine, viewer: SocketViewer) => SocketExtra;

export interface SocketViewer {
  readonly principal: Principal;
  readonly computer: Computer;
}

export interface SocketExtra {
  /** Takes a message, if it is one of its own. Throws a PlayheadError for what is wrong with it. */
  take(message: Readonly<Record<string, unknown>>): boolean;
  /** The last call: the connection is gone. */
  closed(): void;
}

/** One text message an event, with its position in it: pass that as `after` to go on behind it. */
const rendering: SocketRendering = {
  render: (batch) => batch.events.map((_event, i) => positionedText(batch, i)),
};

/**
 * `…/ws`: everything of a computer on one socket. Events come as they are in its stream; actions, input and control go
 * in, and answers come back. Whoever may only read, watches.
 */
export function computerSocket(parts: SocketParts): SocketFace {
  return {
    paths: PREFIXES.map((prefix) => `${prefix}/:id/ws`),
    access: { scope: 'computers:read' },
    tokenInQuery: true,
    async admit({ params, query, principal }) {
      if (principal === undefined) throw new PlayheadError('unauthenticated', 'A key is needed.');
      const { record, computer } = await findComputer(parts, principal.tenant, params['id'] ?? '');
      const key = computerStream(record.tenant, record.id);
      const named = query.get('last_event_id') ?? query.get('after') ?? '';
      const from = await cursorOf(named, key, parts.log);
      return (line) => new ComputerSocket(parts, { line, principal, record, computer, from, named });
    },
  };
}

interface Seat {
  readonly line: SocketLine;
  readonly principal: Principal;
  readonly record: ComputerRecord;
  /** Undefined if it is terminated. */
  readonly computer: Computer | undefined;
  readonly from: Position | 'start';
  /** The position that was asked for. */
  readonly named: string;
}

class ComputerSocket implements SocketListener {
  readonly #parts: SocketParts;
  readonly #seat: Seat;
  /** As what it has control. All viewers are told it, so it opens nothing. */
  readonly #viewer: string = `skt_${randomUUID()}`;
  readonly #extra: SocketExtra | undefined;
  readonly #viewing: Disposable | undefined;

  constructor(parts: SocketParts, seat: Seat) {
    this.#parts = parts;
    this.#seat = seat;
    const { computer, line, principal } = seat;
    this.#viewing = computer?.viewers.add();
    if (computer !== undefined) this.#extra = parts.extras?.(line, { principal, computer });
    void this.#watch();
  }

  async text(text: string): Promise<void> {
    let message: SocketMessage;
    try {
      const json: unknown = parse(text);
      if (isObject(json) && this.#extra?.take(json) === true) return;
      message = readSocketMessage(json, `req_${randomBytes(10).toString('hex')}`, this.#parts.limits);
    } catch (error) {
      if (!(error instanceof PlayheadError)) throw error;
      this.#refuse('action_result', undefined, error);
      return;
    }
    await this.#handle(message);
  }

  closed(): void {
    this.#viewing?.[Symbol.dispose]();
    this.#extra?.closed();
    this.#seat.computer?.changeControl({ kind: 'release', viewer: this.#viewer, force: false });
  }

  async #watch(): Promise<void> {
    const { line, record, from, named } = this.#seat;
    const key = computerStream(record.tenant, record.id);
    const attached = await line.watch({
      key,
      from,
      delivery: 'every',
      rendering,
      receipt: (receipt, again) => {
        const told = again || named !== '' ? receipt : { ...receipt, requested: null };
        this.#send({ type: 'receipt', viewer: this.#viewer, ...told });
      },
      end: (reason) => {
        if (reason === 'draining') line.close('draining', 'the server is going away');
        else line.close('finished', 'the computer is terminated');
      },
    });
    if (attached.kind === 'draining') line.close('draining', 'the server is going away');
    else if (attached.kind !== 'attached') line.close('finished', 'the computer is terminated');
  }

  async #handle(message: SocketMessage): Promise<void> {
    switch (message.kind) {
      case 'ping':
        this.#send({ ...message.echo, type: 'pong' });
        return;
      case 'control':
        this.#control(message);
        return;
      case 'input':
        this.#input(message);
        return;
      case 'action': {
        const { action } = message;
        const computer = this.#live('action_result', action.requestId);
        if (computer === undefined) return;
        const caller = { principal: this.#seat.principal, viewer: this.#viewer };
        const result = await perform(this.#parts, computer, action, caller);
        this.#send({ type: 'action_result', ...result });
      }
    }
  }

  #control({ requestId, take, force }: Extract<SocketMessage, { kind: 'control' }>): void {
    const computer = this.#live('control_result', requestId);
    if (computer === undefined) return;
    const by = { viewer: this.#viewer, key: this.#seat.principal.keyId };
    const done = computer.changeControl(
      take ? { kind: 'take', by, force } : { kind: 'release', viewer: this.#viewer, force },
    );
    const controller = computer.control;
    if (!done) {
      const refusal = new PlayheadError('not-in-control', 'Somebody else has control: take it with force.', {
        extensions: { controller },
      });
      this.#refuse('control_result', requestId, refusal);
      return;
    }
    this.#send({
      type: 'control_result',
      ...(requestId === undefined ? {} : { request_id: requestId }),
      status: 'SUCCESS',
      controller,
      mine: controller?.viewer === this.#viewer,
    });
  }

  // Answered only where it is refused: hands move often.
  #input({ requestId, input, tab }: Extract<SocketMessage, { kind: 'input' }>): void {
    const computer = this.#live('input_result', requestId);
    if (computer === undefined) return;
    const refuse = (code: PlayheadError['code'], message: string): void =>
      this.#refuse('input_result', requestId, new PlayheadError(code, message));
    if (computer.control !== null && computer.control.viewer !== this.#viewer)
      return refuse('not-in-control', 'Somebody else has control of this computer.');
    computer.use()?.[Symbol.dispose]();
    switch (computer.browser.input(input, tab)) {
      case 'taken':
        return;
      case 'dropped':
        return refuse('overloaded', 'The page does not take what was done before.');
      case 'no-such-tab':
        return refuse('not-found', 'There is no such tab.');
      case 'unknown-key':
        return refuse('invalid-request', 'input.key: there is no such key');
      case 'browser-gone':
        return refuse('not-found', 'The computer is terminated.');
    }
  }

  /** The computer, if this client may act on it; else it is told why not. */
  #live(type: string, requestId: string | undefined): Computer | undefined {
    const { principal, computer } = this.#seat;
    if (!allows(principal, 'computers:control')) {
      this.#refuse(
        type,
        requestId,
        new PlayheadError('forbidden', 'This needs the scope computers:control.'),
      );
      return undefined;
    }
    if (computer === undefined)
      this.#refuse(type, requestId, new PlayheadError('not-found', 'The computer is terminated.'));
    return computer;
  }

  #refuse(type: string, requestId: string | undefined, error: PlayheadError): void {
    this.#send({
      type,
      ...(requestId === undefined ? {} : { request_id: requestId }),
      status: 'ERROR',
      ...error.extensions,
      code: error.code,
      error_message: error.message,
      timestamp: new Date(this.#parts.clock.now()).toISOString(),
    });
  }

  #send(message: Readonly<Record<string, unknown>>): void {
    this.#seat.line.send(jsonLine(message));
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new PlayheadError('invalid-json', 'The message is not valid JSON.', { cause });
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
