import type { Device, PrivacyLevel, TabId } from './sync-message.ts';

/** A context as far as it is held in mind: everything but its content. */
export interface KnownContext {
  readonly id: string;
  readonly type: string;
  /** See tabKey; null: in no tab. */
  readonly tab: string | null;
  readonly tabId: TabId | null;
  readonly windowId: TabId | null;
  readonly url: string;
  readonly title: string;
  readonly level: PrivacyLevel;
  readonly device: Device | null;
  /** When it was told of first and last, ms since 1970. */
  readonly createdAt: number;
  readonly updatedAt: number;
  /** Which source event holds the newest of each part of its content. */
  readonly parts: Readonly<Record<string, number>>;
}

export interface KnownTab {
  readonly tabId: TabId;
  readonly windowId: TabId | null;
  readonly url: string;
  readonly title: string;
  /** The context that is its page. */
  readonly page: string | null;
}

/** More of one user are not held in mind: the ones that changed longest ago are forgotten. The log still has them. */
const MAX_CONTEXTS = 512;
const MAX_TABS = 256;

/** What is open, and which of it the user looks at. */
export class KnownPages {
  /** In the order of their last change. */
  readonly contexts: Map<string, KnownContext>;
  readonly tabs: Map<string, KnownTab>;
  /** See tabKey. */
  active: string | null;
  /** Somebody has said which tab is active; before that, whatever is told of first is. */
  told: boolean;

  constructor(kept?: KeptPages) {
    this.contexts = new Map(kept?.contexts.map((context) => [context.id, context]));
    this.tabs = new Map(kept?.tabs);
    this.active = kept?.active ?? null;
    this.told = kept?.told ?? false;
  }

  putContext(context: KnownContext): void {
    this.contexts.delete(context.id);
    this.contexts.set(context.id, context);
    forgetOldest(this.contexts, MAX_CONTEXTS);
  }

  putTab(key: string, tab: KnownTab): void {
    this.tabs.delete(key);
    this.tabs.set(key, tab);
    forgetOldest(this.tabs, MAX_TABS);
  }

  /** The page that the user looks at. */
  get current(): KnownContext | undefined {
    const tab = this.active === null ? undefined : this.tabs.get(this.active);
    return tab === undefined || tab.page === null ? undefined : this.contexts.get(tab.page);
  }

  keep(): KeptPages {
    const { active, told } = this;
    return { contexts: [...this.contexts.values()], tabs: [...this.tabs], active, told };
  }
}

/** The same as JSON. */
export interface KeptPages {
  readonly contexts: readonly KnownContext[];
  readonly tabs: readonly (readonly [string, KnownTab])[];
  readonly active: string | null;
  readonly told: boolean;
}

function forgetOldest(map: Map<string, unknown>, limit: number): void {
  if (map.size <= limit) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}
