/** How long a test waits for one thing, ms. Generous: servers set their intervals as they like. */
const PATIENCE = 45_000;

/** The promise, or an error that names what was awaited. */
export async function within<T>(promise: Promise<T>, what: string | (() => string)): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`after ${PATIENCE} ms still waiting for ${typeof what === 'string' ? what : what()}`));
    }, PATIENCE);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Looks at what announces itself to nobody until it holds. */
export async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + PATIENCE;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`after ${PATIENCE} ms still waiting for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
