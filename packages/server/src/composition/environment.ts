/** The server's own; what commands and browsers may inherit of it is a setting. */
export type Environment = Readonly<Record<string, string | undefined>>;
