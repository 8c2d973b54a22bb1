import { cite } from './memory.ts';
import type { Run } from './runs.ts';

/** How a run is spoken of: "`npm test` in my-project". */
export function named({ command, project }: Run): string {
  return `\`${shortCommand(command)}\` in ${project}`;
}

/** How it ended, as a clause behind its name: "exited 1 after 12 s, 3 minutes ago". */
export function ended(run: Run, now: number): string {
  const { end, startedAt } = run;
  if (end === undefined)
    return `has been running for ${duration(now - startedAt)} ${cite(run.stream, run.position)}`;
  const took = duration(end.durationMs);
  const where = `${ago(startedAt + end.durationMs, now)} ${cite(run.stream, end.position)}`;
  switch (end.ending) {
    case 'exited':
      return `exited ${end.exitCode} after ${took}, ${where}`;
    case 'signalled':
      return `was ended by a signal after ${took} (exit code ${end.exitCode}), ${where}`;
    case 'stopped':
      return `was stopped after ${took}, ${where}`;
    case 'expired':
      return `ran out of its time after ${took}, ${where}`;
    case 'failed':
      return `could not be run to its end and failed after ${took}, ${where}`;
    default:
      return `was lost when the server stopped; how it ended is not known, ${where}`;
  }
}

function duration(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  const seconds = ms / 1_000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} minutes` : `${Math.round(minutes / 60)} hours`;
}

export function ago(time: number, now: number): string {
  const ms = now - time;
  return ms < 5_000 ? 'just now' : `${duration(ms)} ago`;
}

export function short(text: string, length: number): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length <= length ? line : `${line.slice(0, length - 1).toWellFormed()}…`;
}

/** A command on one line. A long one loses its middle: its name may stand at either end. */
export function shortCommand(command: string): string {
  const line = command.replaceAll(/\s+/g, ' ').trim();
  return line.length <= 160 ? line : `${line.slice(0, 100)}…${line.slice(-58)}`.toWellFormed();
}

/** A snippet's marks as Markdown. */
export function marked(snippet: string): string {
  return short(snippet.replaceAll('\u0002', '**').replaceAll('\u0003', '**'), 300);
}
