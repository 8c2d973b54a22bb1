import type { Hit, ReadUpTo, SearchDocument, SearchQuery } from '../search.ts';

/** Where the index is; undefined: in memory. */
export interface IndexData {
  readonly file: string | undefined;
}

export type IndexCall =
  | {
      readonly op: 'add';
      readonly stream: string;
      readonly read: ReadUpTo;
      readonly documents: readonly SearchDocument[];
    }
  | { readonly op: 'forget'; readonly stream: string }
  | { readonly op: 'erase'; readonly stream: string; readonly position: string }
  | { readonly op: 'streams' }
  | { readonly op: 'find'; readonly query: SearchQuery };

export type ToIndex = IndexCall & { readonly id: number };

export type FromIndex =
  | { readonly kind: 'ready' }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: IndexAnswer }
  | { readonly kind: 'failed'; readonly id: number; readonly reason: string };

export type IndexAnswer = readonly Hit[] | readonly (readonly [string, ReadUpTo])[] | null;
