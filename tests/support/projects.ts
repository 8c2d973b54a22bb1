import { request } from './request.ts';
import type { TestServer } from './server.ts';

export interface ProjectOptions {
  /** The folder of its commands, absolute. */
  readonly root: string;
  readonly [member: string]: unknown;
}

let made = 0;

/** Makes a project over `POST /projects` as the admin does; its id. */
export async function makeProject(server: TestServer, options: ProjectOptions): Promise<string> {
  const id = `project-${process.pid}-${++made}`;
  const answer = await request(server, '/projects', { method: 'POST', body: { id, ...options } });
  if (answer.status !== 200 && answer.status !== 201)
    throw new Error(`no project: ${answer.status} ${answer.text}`);
  return id;
}
