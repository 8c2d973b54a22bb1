import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PlayheadError } from '@playhead/protocol';
import type { Collection, Records } from '../../records/records.ts';

/** A directory in which commands run, and how. */
export interface Project {
  readonly id: string;
  /** Absolute. */
  readonly root: string;
  /** What runs shell commands; null: the server's default. */
  readonly shell: string | null;
  /** Secrets may be in it: values never leave the server. */
  readonly env: Readonly<Record<string, string>>;
  /** ms; null: the server's default. */
  readonly timeLimitMs: number | null;
  /** What runs its commands, and whether they have a network; null, and in older records absent: as the server has it. */
  readonly launcher?: 'direct' | 'sandbox' | null;
  readonly network?: boolean | null;
  /** ms since 1970. */
  readonly createdAt: number;
}

/** The projects of all tenants. */
export interface Projects {
  /** False if there is one of that id. Without a root, the project gets a folder in the data folder. */
  add(tenant: string, project: NewProject): Promise<Project | undefined>;
  get(tenant: string, id: string): Promise<Project | undefined>;
  /** Throws `not-found`. */
  require(tenant: string, id: string): Promise<Project>;
  list(tenant: string, limit: number, after?: string): Promise<readonly Project[]>;
}

export type NewProject = Omit<Project, 'root'> & { readonly root: string | null };

export const PROJECT_ID: RegExp = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** The project that a fresh data folder has. */
export const FIRST_PROJECT = 'my-project';
export const FIRST_TENANT = 'default';

/** `folder` holds the projects without a root of their own. */
export function createProjects(records: Records, folder: string): Projects {
  const projects: Collection<Project> = records.collection('projects');
  const get = (tenant: string, id: string): Promise<Project | undefined> =>
    PROJECT_ID.test(id) ? projects.get(`${tenant}/${id}`) : Promise.resolve(undefined);
  return {
    async add(tenant, wanted) {
      // A tenant's own folder begins with a dot, which no project's does.
      const own = tenant === FIRST_TENANT ? join(folder, wanted.id) : join(folder, `.${tenant}`, wanted.id);
      const project = { ...wanted, root: wanted.root ?? own };
      if (!(await projects.add(`${tenant}/${wanted.id}`, project))) return undefined;
      if (wanted.root === null) await mkdir(own, { recursive: true });
      return project;
    },
    get,
    async require(tenant, id) {
      const project = await get(tenant, id);
      if (project === undefined) throw new PlayheadError('not-found', 'There is no such project.');
      return project;
    },
    async list(tenant, limit, after) {
      const prefix = `${tenant}/`;
      const rows = await projects.list({
        prefix,
        limit,
        ...(after === undefined ? {} : { after: prefix + after }),
      });
      return rows.map(({ value }) => value);
    },
  };
}
