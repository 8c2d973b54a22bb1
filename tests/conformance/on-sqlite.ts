import type { TestProject } from 'vitest/node';
import { served } from './served.ts';

export function setup(project: TestProject): Promise<() => Promise<void>> {
  return served(project, 'sqlite');
}
