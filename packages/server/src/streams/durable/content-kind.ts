import { mediaTypeOf } from '../../log/stream-settings.ts';

/**
 * How the events of a stream become a body: JSON values in an array, or bytes one behind the other; `text` is bytes that
 * Server-Sent Events carry as they are.
 */
export type ContentKind = 'json' | 'text' | 'bytes';

export function contentKind(contentType: string): ContentKind {
  const type = mediaTypeOf(contentType);
  return type === 'application/json' ? 'json' : type.startsWith('text/') ? 'text' : 'bytes';
}
