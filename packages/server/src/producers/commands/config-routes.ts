import { PlayheadError } from '@playhead/protocol';
import { z } from 'zod';
import { envelope } from '../../http/envelope.ts';
import type { Exchange } from '../../http/exchange.ts';
import type { Router } from '../../http/router.ts';
import { callerOf, parameter } from '../caller.ts';
import { checkInput } from '../check-input.ts';
import {
  CONFIG_KINDS,
  CONFIG_MAX_BYTES,
  CONFIG_NAME,
  type ConfigFile,
  type ConfigKind,
  deleteConfig,
  listConfig,
  readConfig,
  writeConfig,
} from './config-files.ts';
import { listReply } from './page.ts';
import type { Projects } from './projects.ts';

export interface ConfigRouteParts {
  readonly projects: Projects;
  readonly now: () => number;
}

const content = z
  .string()
  .refine((text) => Buffer.byteLength(text) <= CONFIG_MAX_BYTES, `must be at most ${CONFIG_MAX_BYTES} bytes`);
const name = z
  .string()
  .regex(CONFIG_NAME, 'must be 1 to 64 of A-Z a-z 0-9 _ - and begin with a letter or digit');
const created = z.object({ name, content });
const replaced = z.object({ content });

// Room for a content of the largest size whose every character is escaped.
const BODY_LIMIT = 6 * CONFIG_MAX_BYTES + 1024;

/**
 * `/projects/{id}/claude-config/{commands,skills,agents}[/{name}]`. Writing needs `projects:execute`: what stands
 * there is run by the agent.
 */
export function mountConfig(router: Router, parts: ConfigRouteParts): void {
  const { projects } = parts;
  const all = '/projects/:id/claude-config/:kind';
  const one = `${all}/:name`;

  router.add({
    method: 'GET',
    path: all,
    access: { scope: 'projects:read' },
    async handle(exchange) {
      const { root, kind } = await place(exchange);
      return listReply(exchange, (await listConfig(root, kind)).map(view), undefined, parts.now());
    },
  });

  router.add({
    method: 'POST',
    path: all,
    access: { scope: 'projects:execute' },
    bodyLimit: BODY_LIMIT,
    async handle(exchange) {
      const { root, kind } = await place(exchange);
      const wanted = checkInput(created, await exchange.json());
      if ((await readConfig(root, kind, wanted.name)) !== undefined) {
        throw new PlayheadError('conflict', 'There is one of that name already.');
      }
      await writeConfig(root, kind, wanted.name, wanted.content);
      return envelope(exchange, view(await found(root, kind, wanted.name)), 201);
    },
  });

  router.add({
    method: 'GET',
    path: one,
    access: { scope: 'projects:read' },
    async handle(exchange) {
      const { root, kind } = await place(exchange);
      return envelope(exchange, view(await found(root, kind, nameOf(exchange))));
    },
  });

  router.add({
    method: 'PUT',
    path: one,
    access: { scope: 'projects:execute' },
    bodyLimit: BODY_LIMIT,
    async handle(exchange) {
      const { root, kind } = await place(exchange);
      const wanted = checkInput(name, nameOf(exchange));
      await writeConfig(root, kind, wanted, checkInput(replaced, await exchange.json()).content);
      return envelope(exchange, view(await found(root, kind, wanted)));
    },
  });

  router.add({
    method: 'DELETE',
    path: one,
    access: { scope: 'projects:execute' },
    async handle(exchange) {
      const { root, kind } = await place(exchange);
      const wanted = nameOf(exchange);
      if (!CONFIG_NAME.test(wanted) || !(await deleteConfig(root, kind, wanted))) throw notThere();
      return { status: 204 };
    },
  });

  async function place(exchange: Exchange): Promise<{ root: string; kind: ConfigKind }> {
    const { root } = await projects.require(callerOf(exchange).tenant, parameter(exchange, 'id'));
    const asked = parameter(exchange, 'kind');
    const kind = CONFIG_KINDS.find((known) => known === asked);
    if (kind === undefined) throw notThere();
    return { root, kind };
  }
}

async function found(root: string, kind: ConfigKind, wanted: string): Promise<ConfigFile> {
  const file = CONFIG_NAME.test(wanted) ? await readConfig(root, kind, wanted) : undefined;
  if (file === undefined) throw notThere();
  return file;
}

function nameOf(exchange: Exchange): string {
  return parameter(exchange, 'name');
}

function view(
  file: Omit<ConfigFile, 'content'> & { readonly content?: string },
): Readonly<Record<string, unknown>> {
  const { updatedAt, ...rest } = file;
  return { ...rest, updated_at: new Date(updatedAt).toISOString() };
}

function notThere(): PlayheadError {
  return new PlayheadError('not-found', 'There is no such configuration.');
}
