import { type FindBrowserOptions, installedBrowser, PACKED } from './find-browser.ts';
import { type SandboxState, sandboxState } from './sandbox-state.ts';

/** What browsers would be made of on this machine. */
export interface BrowserInspection {
  /** `packed`: the one that comes along, unpacked for the first computer; null: there is none. */
  readonly program: string | null;
  /** Whether its own sandbox would confine pages; null where there is no browser. */
  readonly sandbox: SandboxState | null;
}

/** Looks, and changes nothing: the packed browser is not unpacked for it. */
export async function inspectBrowser(
  options: Pick<FindBrowserOptions, 'wanted' | 'path'> & { readonly sandbox: 'auto' | 'on' | 'off' },
): Promise<BrowserInspection> {
  const program = await programOf(options);
  if (program === null) return { program, sandbox: null };
  if (options.sandbox === 'off') return { program, sandbox: { kind: 'off', reason: 'it is set so' } };
  return { program, sandbox: await sandboxState(program) };
}

async function programOf({
  wanted,
  path,
}: Pick<FindBrowserOptions, 'wanted' | 'path'>): Promise<string | null> {
  if (wanted !== PACKED) {
    const installed = await installedBrowser({ wanted, path });
    if (installed?.kind === 'found') return installed.program;
    if (wanted !== undefined) return null;
  }
  try {
    import.meta.resolve('@sparticuz/chromium');
    return PACKED;
  } catch {
    // Installed without its dependencies.
    return null;
  }
}
