import { createRequire } from 'node:module';

const INSTALL = 'Install it with `npm install node-av`, for a platform that it has a build for.';

/** Why nothing here can read video, in a sentence for people; undefined if something can. Loads nothing. */
export function missingVideo(): string | undefined {
  const own = createRequire(import.meta.url);
  try {
    const library = own.resolve('node-av');
    // The library alone does nothing: its build for this platform is a package of its own.
    const build = `@seydx/node-av-${process.platform}-${process.arch}`;
    const builds = process.platform === 'win32' ? [`${build}-msvc`, `${build}-mingw`] : [build];
    const from = createRequire(library);
    if (builds.some((name) => resolves(from, `${name}/node-av.node`))) return undefined;
    return `Video needs node-av, whose build for ${process.platform}-${process.arch} is not there. ${INSTALL}`;
  } catch {
    return `Video needs the package node-av, which is not there. ${INSTALL}`;
  }
}

function resolves(from: NodeJS.Require, name: string): boolean {
  try {
    from.resolve(name);
    return true;
  } catch {
    return false;
  }
}
