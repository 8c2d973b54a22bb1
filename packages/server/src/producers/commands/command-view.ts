import type { CommandRecord } from './command-store.ts';

/** A command as the face shows it. */
export function commandView(command: CommandRecord): Readonly<Record<string, unknown>> {
  const { id, project, session, ended } = command;
  return {
    id,
    ...(session === undefined ? {} : { session_id: session }),
    project,
    type: command.type,
    command: command.command,
    cwd: command.cwd,
    status: statusOf(command),
    ...(command.pty === undefined ? {} : { pty: true, pty_stream: `commands/${id}/pty` }),
    stream_url: `/projects/${project}/events?stream_id=${id}`,
    created_at: new Date(command.createdAt).toISOString(),
    ...(ended === undefined ? {} : { ended_at: new Date(ended.at).toISOString(), ...ended.complete }),
  };
}

/** One word for lists. `completed` is exit code 0; what else happened is told by `ending`. */
function statusOf({ ended }: CommandRecord): 'running' | 'completed' | 'stopped' | 'failed' {
  if (ended === undefined) return 'running';
  const { ending } = ended.complete;
  if (ending.kind === 'stopped') return 'stopped';
  return ending.kind === 'exited' && ending.code === 0 ? 'completed' : 'failed';
}
