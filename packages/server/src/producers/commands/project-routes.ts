import { stat } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { PlayheadError } from '@playhead/protocol';
import { z } from 'zod';
import { envelope } from '../../http/envelope.ts';
import type { Router } from '../../http/router.ts';
import { isTenant } from '../../log/stream-key.ts';
import { callerOf, parameter } from '../caller.ts';
import { checkInput } from '../check-input.ts';
import { environmentSchema } from '../environment-schema.ts';
import { checkChoice } from './confinement.ts';
import { environmentOf } from './environment.ts';
import { findProgram } from './find-program.ts';
import { listReply, pageOf } from './page.ts';
import { PROJECT_ID, type Project, type Projects } from './projects.ts';
import type { CommandSettings } from './settings.ts';

export interface ProjectParts {
  readonly projects: Projects;
  readonly settings: CommandSettings;
  readonly now: () => number;
}

/** `GET /projects`, `POST /projects` (admins: a root says what commands may reach, D-19), `GET /projects/{id}`. */
export function mountProjects(router: Router, parts: ProjectParts): void {
  const { projects, settings, now } = parts;
  const schema = projectSchema(settings.maxTimeLimitMs / 1000);

  router.add({
    method: 'GET',
    path: '/projects',
    access: { scope: 'projects:read' },
    async handle(exchange) {
      const { limit, after } = pageOf(exchange);
      const found = await projects.list(callerOf(exchange).tenant, limit + 1, after);
      const page = found.slice(0, limit);
      const next = found.length > limit ? page.at(-1)?.id : undefined;
      return listReply(exchange, page.map(projectView), next, now());
    },
  });

  router.add({
    method: 'POST',
    path: '/projects',
    access: { scope: 'admin' },
    async handle(exchange) {
      const wanted = checkInput(schema, await exchange.json());
      if (wanted.root !== undefined) await requireFolder(wanted.root);
      const { launcher = null, network = null } = wanted;
      await checkChoice(settings.confinement, { launcher, network });
      await requireShell(wanted.shell, environmentOf(settings, wanted.env));
      const project = await projects.add(wanted.tenant ?? callerOf(exchange).tenant, {
        id: wanted.id,
        root: wanted.root ?? null,
        shell: wanted.shell ?? null,
        env: wanted.env,
        launcher,
        network,
        timeLimitMs: wanted.timeout_seconds === undefined ? null : wanted.timeout_seconds * 1000,
        createdAt: now(),
      });
      if (project === undefined)
        throw new PlayheadError('conflict', 'There is a project of that id already.');
      return envelope(exchange, projectView(project), 201);
    },
  });

  router.add({
    method: 'GET',
    path: '/projects/:id',
    access: { scope: 'projects:read' },
    async handle(exchange) {
      const project = await projects.require(callerOf(exchange).tenant, parameter(exchange, 'id'));
      return envelope(exchange, projectView(project));
    },
  });
}

function projectSchema(maxSeconds: number) {
  return z.strictObject({
    id: z.string().regex(PROJECT_ID, 'must be 1 to 64 of A-Z a-z 0-9 . _ - and begin with a letter or digit'),
    root: z
      .string()
      .max(4096)
      .refine((root) => isAbsolute(root) && !root.includes('\0'), 'must be an absolute path')
      .optional(),
    shell: z.string().min(1).max(4096).optional(),
    env: environmentSchema.default({}),
    timeout_seconds: z.number().positive().max(maxSeconds).optional(),
    launcher: z.enum(['direct', 'sandbox']).optional(),
    network: z.boolean().optional(),
    /** Whose it is; else the caller's own. */
    tenant: z.string().refine(isTenant, 'must be 1 to 64 of A-Z a-z 0-9 _ -').optional(),
  });
}

/** A project as it is shown: values of its environment are secrets, so only the names are. */
function projectView(project: Project): Readonly<Record<string, unknown>> {
  return {
    id: project.id,
    name: project.id,
    root: project.root,
    shell: project.shell,
    env: Object.keys(project.env).sort(),
    launcher: project.launcher ?? null,
    network: project.network ?? null,
    timeout_seconds: project.timeLimitMs === null ? null : project.timeLimitMs / 1000,
    created_at: new Date(project.createdAt).toISOString(),
  };
}

async function requireFolder(path: string): Promise<void> {
  const folder = await stat(path).catch(() => undefined);
  if (folder?.isDirectory() !== true) throw wrong('root', 'must be a directory that exists');
}

async function requireShell(shell: string | undefined, env: Readonly<Record<string, string>>): Promise<void> {
  if (shell === undefined || (await findProgram(shell, env)) !== undefined) return;
  throw wrong('shell', 'must be a program that can be run');
}

function wrong(field: string, what: string): PlayheadError {
  return new PlayheadError('invalid-request', `${field}: ${what}`, { extensions: { field } });
}
