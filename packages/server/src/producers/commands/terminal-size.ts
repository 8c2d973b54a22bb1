import { z } from 'zod';
import type { TerminalSize } from '../../launcher/launcher.ts';

/** What terminals have had since there are terminals. */
export const DEFAULT_SIZE: TerminalSize = { columns: 80, rows: 24 };

const MOST = 1000;
const length = z
  .int(`must be a whole number from 1 to ${MOST}`)
  .min(1, `must be a whole number from 1 to ${MOST}`)
  .max(MOST, `must be a whole number from 1 to ${MOST}`);

/** `{columns, rows}`, each from 1 to 1000: a terminal of 0 × 0 means "unknown" to programs, and none is so large. */
export const terminalSizeSchema: z.ZodType<TerminalSize> = z.object({ columns: length, rows: length });
