import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { eventLogContract } from '../event-log.contract.ts';
import { openSqliteLog } from './sqlite-log.ts';

const root = mkdtempSync(join(tmpdir(), 'playhead-log-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

eventLogContract('sqlite', ({ clock }) => openSqliteLog({ folder: mkdtempSync(join(root, 'log-')), clock }));
