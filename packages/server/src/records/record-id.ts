import { PlayheadError } from '@playhead/protocol';

const ID = /^[\x20-\x7e]{1,1024}$/;

/**
 * Ids are 1 to 1,024 printable ASCII characters: then every store agrees on their order and on what a prefix is.
 * Foreign text is encoded by whoever makes an id of it. Throws `invalid-request`.
 */
export function checkRecordId(id: string): void {
  if (!ID.test(id)) {
    throw new PlayheadError('invalid-request', 'An id is 1 to 1024 printable ASCII characters.');
  }
}
