import { PlayheadError } from '@playhead/protocol';
import type { Exchange, Reply } from '../../http/exchange.ts';
import type { Router } from '../../http/router.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import { callerOf, parameter } from '../caller.ts';
import { checkInput } from '../check-input.ts';
import type { ExecutionEnd } from '../executor.ts';
import type { ShellRequest } from './action.ts';
import { addRoute } from './both-prefixes.ts';
import type { Computer } from './computer.ts';
import { createExecLines } from './exec-lines.ts';
import { runningComputer } from './find-computer.ts';
import type { LiveComputers } from './live-computers.ts';
import { createKept } from './output-text.ts';
import { exitCode, requireExecute, runShell, type ShellParts, type ShellSink } from './run-shell.ts';
import { type ShellLimits, shellRequest, shellSchema } from './shell-input.ts';
import { withoutNulls } from './without-nulls.ts';

export interface ExecRouteParts {
  readonly live: LiveComputers;
  readonly shell: ShellParts;
  readonly limits: ShellLimits;
  readonly clock: Clock;
  readonly logger: Logger;
}

const CONTROL = { scope: 'computers:control' } as const;

/**
 * `POST …/exec` runs a line of shell in the computer's folder and answers with what it writes, as it writes it: lines of
 * JSON. `…/exec/sync` answers when it has ended. Who hangs up ends the command. Both need `projects:execute`, too.
 */
export function mountExec(router: Router, parts: ExecRouteParts): void {
  const { live, clock, logger } = parts;
  const schema = shellSchema(parts.limits);

  function computerOf(exchange: Exchange): Computer {
    const principal = callerOf(exchange);
    const computer = runningComputer(live, principal.tenant, parameter(exchange, 'id'));
    requireExecute(principal);
    return computer;
  }

  async function wishOf(exchange: Exchange): Promise<ShellRequest> {
    return shellRequest(
      checkInput(schema, withoutNulls((await exchange.json()) ?? {})),
      parts.limits,
      'exec',
    );
  }

  /** Runs it, told as an action is. `gone`: whoever asked has hung up. */
  async function run(
    exchange: Exchange,
    computer: Computer,
    shell: ShellRequest,
    sink: ShellSink,
    gone: AbortSignal,
  ): Promise<ExecutionEnd> {
    const { id: request_id } = exchange;
    using use = computer.use();
    if (use === undefined)
      throw new PlayheadError(
        'overloaded',
        'As many actions are under way as may be. Wait for some of them.',
      );
    const begun = clock.now();
    const { command, cwd, timeoutMs } = shell;
    computer.events.tell({
      type: 'action_request',
      request_id,
      action: { type: 'exec', command, cwd, timeout_seconds: timeoutMs / 1000 },
    });
    const duration = (): number => Math.max(0, Math.round(clock.now() - begun));
    const common = { type: 'action_response', request_id, action_type: 'exec' } as const;
    try {
      const how = await runShell(
        parts.shell,
        computer,
        { requestId: request_id, shell },
        callerOf(exchange),
        sink,
        gone,
      );
      const result = { exit_code: exitCode(how), ending: how };
      computer.events.tell({ ...common, status: 'SUCCESS', duration_ms: duration(), result });
      return how;
    } catch (error) {
      const { code, message: error_message } =
        error instanceof PlayheadError ? error : { code: 'internal', message: 'The server failed.' };
      computer.events.tell(
        { ...common, status: 'ERROR', duration_ms: duration(), code, error_message, result: {} },
        { type: 'error', code, error_message, request_id },
      );
      throw error;
    }
  }

  // The documented answer is always 200: what goes wrong from here on is a line.
  async function stream(exchange: Exchange): Promise<undefined> {
    const computer = computerOf(exchange);
    const { response } = exchange;
    const lines = createExecLines(response);
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    try {
      const shell = await wishOf(exchange);
      const how = await run(exchange, computer, shell, lines, gone.signal);
      lines.exit(how);
    } catch (error) {
      if (!(error instanceof PlayheadError))
        logger.error({ request_id: exchange.id, err: error }, 'exec failed');
      lines.fail(
        error instanceof PlayheadError ? error : new PlayheadError('internal', 'The server failed.'),
      );
    }
    return undefined;
  }

  async function whole(exchange: Exchange): Promise<Reply> {
    const computer = computerOf(exchange);
    const shell = await wishOf(exchange);
    const kept = { stdout: createKept(shell.maxOutput), stderr: createKept(shell.maxOutput) };
    const gone = new AbortController();
    exchange.response.once('close', () => gone.abort());
    const sink: ShellSink = { output: (from, bytes) => kept[from].add(bytes), room: () => undefined };
    const how = await run(exchange, computer, shell, sink, gone.signal);
    const truncated = kept.stdout.cut || kept.stderr.cut;
    return {
      body: {
        exit_code: exitCode(how),
        stdout: kept.stdout.text(),
        stderr: kept.stderr.text(),
        ending: how,
        ...(truncated ? { truncated } : {}),
      },
    };
  }

  addRoute(router, { method: 'POST', path: '/:id/exec', access: CONTROL, handle: stream });
  addRoute(router, { method: 'POST', path: '/:id/exec/sync', access: CONTROL, handle: whole });
}
