import findMyWay from 'find-my-way';
import type { UpgradeRoute } from './upgrade.ts';
import type { Route } from './router.ts';

/** What a path leads to. `store` is the route, under the library's name for it: a result is not copied. */
export interface Found<R> {
  readonly store: R;
  readonly params: Readonly<Record<string, string>>;
}

/** The server's paths: for requests by method, and for WebSockets. */
export interface RouteTable {
  add(route: Route): void;
  addUpgrade(route: UpgradeRoute): void;
  /** The route of a request. A HEAD request takes the GET route unless it has its own. */
  find(method: string, path: string): Found<Route> | undefined;
  findUpgrade(path: string): Found<UpgradeRoute> | undefined;
  /** Makes look-ups twice as fast; routes added later are taken in at the next one. */
  compile(): void;
  /** Methods that a path has, for `Allow`; empty if it has none. */
  methods(path: string): string[];
}

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD'] as const;
type Method = (typeof METHODS)[number];

/** Longer than any stream name, so that a parameter that is too long is the handler's 404, not ours. */
const PARAM_MAX_LENGTH = 512;

export function routeTable(): RouteTable {
  const router = findMyWay({ maxParamLength: PARAM_MAX_LENGTH });
  const upgrades = findMyWay({ maxParamLength: PARAM_MAX_LENGTH });

  function lookUp<R>(table: typeof router, method: Method, path: string): Found<R> | undefined {
    const found = table.find(method, path);
    return found === null ? undefined : (found as unknown as Found<R>);
  }

  function find(method: string, path: string): Found<Route> | undefined {
    if (!isMethod(method)) return undefined;
    const found = lookUp<Route>(router, method, path);
    return found === undefined && method === 'HEAD' ? lookUp<Route>(router, 'GET', path) : found;
  }

  return {
    compile(): void {
      router.compile();
      upgrades.compile();
    },
    // The library's handlers are not used: what it stores beside them is the route itself.
    add: (route) => router.on(route.method, route.path, unused, route),
    addUpgrade: (route) => upgrades.on('GET', route.path, unused, route),
    find,
    findUpgrade: (path) => lookUp<UpgradeRoute>(upgrades, 'GET', path),
    methods: (path) => METHODS.filter((method) => find(method, path) !== undefined),
  };
}

function isMethod(text: string): text is Method {
  return (METHODS as readonly string[]).includes(text);
}

function unused(): void {}
