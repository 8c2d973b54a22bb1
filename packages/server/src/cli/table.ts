import type { Given } from './command.ts';
import type { Io } from './io.ts';

/** Shows rows: as a table for people, or with `-o json` each as it came, one a line. */
export async function showRows(
  rows: readonly Readonly<Record<string, unknown>>[],
  columns: readonly string[],
  given: Given,
  io: Io,
): Promise<void> {
  if (given.text('output') === 'json') {
    await io.print(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    return;
  }
  const cells = rows.map((row) => columns.map((column) => cell(row[column])));
  const widths = columns.map((column, i) =>
    Math.max(column.length, ...cells.map((row) => (row[i] ?? '').length)),
  );
  const lines = [columns.map((column) => column.toUpperCase()), ...cells].map((row) =>
    row
      .map((text, i) => text.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  await io.print(`${lines.join('\n')}\n`);
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return '-';
  if (Array.isArray(value)) return value.map(cell).join(',');
  return typeof value === 'string' ? value : JSON.stringify(value);
}
