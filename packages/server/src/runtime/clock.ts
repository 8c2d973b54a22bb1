/** Time, injected, so that no test sleeps. Durations are ms. */
export interface Clock {
  /** ms since 1970. */
  now(): number;
  /** Calls once after `ms`; disposing cancels. Never keeps the process alive. */
  after(ms: number, call: () => void): Disposable;
  /** Calls again and again; disposing ends it. Never keeps the process alive. */
  every(ms: number, call: () => void): Disposable;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, call) {
    const timer = setTimeout(call, ms).unref();
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
  every(ms, call) {
    const timer = setInterval(call, ms).unref();
    return { [Symbol.dispose]: () => clearInterval(timer) };
  },
};
