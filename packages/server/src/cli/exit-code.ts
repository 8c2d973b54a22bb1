/** What a command's exit code says. `run` has codes of its own besides, see run.ts. */
export const EXIT = {
  done: 0,
  /** It did not work, or what was checked is not as it should be. */
  failed: 1,
  /** It was called wrongly. Nothing was done. */
  usage: 2,
  unreachable: 3,
  /** The server does not accept the key, or the key does not allow this. */
  refused: 4,
} as const;

export const EXIT_HELP = `Exit codes:
  0  done
  1  it failed, or what was checked is not as it should be
  2  called wrongly; nothing was done
  3  the server cannot be reached
  4  the key is missing, wrong, or does not allow this
`;
