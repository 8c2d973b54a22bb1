/** The moving and still pictures that are made on the spot, by name. */
export const PATTERNS: readonly string[] = [
  'testsrc2',
  'testsrc',
  'smptebars',
  'smptehdbars',
  'mandelbrot',
  'life',
  'cellauto',
  'rgbtestsrc',
  'yuvtestsrc',
  'pal75bars',
  'pal100bars',
];
