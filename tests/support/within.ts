/** How long a test waits for one thing before it says what did not happen. Generous: CI machines are slow. */
export const PATIENCE = 20_000;

/** The promise, or an error that names what was awaited. Never a way to wait for time to pass. */
export async function within<T>(
  promise: Promise<T>,
  what: string | (() => string),
  ms: number = PATIENCE,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`after ${ms} ms still waiting for ${typeof what === 'string' ? what : what()}`));
    }, ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Looks at a condition that announces itself to nobody (a process gone, a file written) until it holds.
 * Everything else has an event to wait for.
 */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + PATIENCE;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`after ${PATIENCE} ms still waiting for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
