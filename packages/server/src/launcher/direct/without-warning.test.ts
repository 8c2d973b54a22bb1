import { afterEach, describe, expect, test } from 'vitest';
import { withoutWarning } from './without-warning.ts';

const heard: string[] = [];
const hear = ({ message }: Error): void => void heard.push(message);

afterEach(() => {
  process.off('warning', hear);
  heard.length = 0;
});

/** Warnings are told in the next tick. */
function told(): Promise<string[]> {
  return new Promise((resolve) => setImmediate(() => resolve(heard)));
}

describe('withoutWarning', () => {
  test('keeps back the one warning, and for the one call', async () => {
    process.on('warning', hear);
    const loaded = withoutWarning('FFI', () => {
      process.emitWarning('FFI is an experimental feature and might change at any time', 'Told');
      process.emitWarning('Something else is an experimental feature', 'Told');
      return 7;
    });
    process.emitWarning('FFI is an experimental feature, behind the call', 'Told');
    expect(loaded).toBe(7);
    expect(await told()).toEqual([
      'Something else is an experimental feature',
      'FFI is an experimental feature, behind the call',
    ]);
  });

  test('gives warnings again where loading fails', async () => {
    process.on('warning', hear);
    expect(() =>
      withoutWarning('FFI', () => {
        throw new Error('no such module');
      }),
    ).toThrow('no such module');
    process.emitWarning('FFI is an experimental feature', 'Told');
    expect(await told()).toHaveLength(1);
  });
});
