/** One line of the result: one figure of Playhead's, beside that of one peer where there is one. */
export interface Row {
  readonly what: string;
  /** With its unit, e.g. `8.3 M/s`. */
  readonly playhead: string;
  readonly peer?: string;
  /** Playhead's figure by the peer's. */
  readonly ratio?: number;
  readonly target?: string;
  readonly met?: boolean;
}

const COLUMNS = ['what', 'playhead', 'peer', 'ratio', 'target', 'met?'];

/** The rows as a Markdown table that also reads well as plain text. */
export function formatTable(rows: readonly Row[]): string {
  const cells = [COLUMNS, ...rows.map(cellsOf)];
  const widths = COLUMNS.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? '').length)));
  const lines = cells.map(
    (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`,
  );
  lines.splice(1, 0, `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`);
  return lines.join('\n');
}

/** A rate as people say it: `312 /s`, `25.1 k/s`, `8.30 M/s`. */
export function perSecond(rate: number): string {
  if (rate >= 1e6) return `${(rate / 1e6).toFixed(2)} M/s`;
  if (rate >= 1e4) return `${(rate / 1e3).toFixed(1)} k/s`;
  return `${rate.toFixed(0)} /s`;
}

function cellsOf(row: Row): string[] {
  const met = row.met === undefined ? '' : row.met ? 'yes' : 'NO';
  return [row.what, row.playhead, row.peer ?? '', row.ratio?.toFixed(2) ?? '', row.target ?? '', met];
}
