/**
 * Loads a built-in module that Node calls experimental (`FFI`) without its saying so: that is a message, once, between
 * those of the server, to an operator who can do nothing about it. Any other warning is given as ever.
 */
export function withoutWarning<T>(module: string, load: () => T): T {
  const emitWarning = Reflect.get(process, 'emitWarning') as (...told: readonly unknown[]) => void;
  process.emitWarning = (...told: readonly unknown[]): void => {
    if (!String(told[0]).startsWith(`${module} is an experimental feature`))
      Reflect.apply(emitWarning, process, told);
  };
  try {
    return load();
  } finally {
    process.emitWarning = emitWarning;
  }
}
