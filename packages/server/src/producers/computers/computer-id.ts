import { randomBytes } from 'node:crypto';

const ID = /^comp_[0-9a-f]{32}$/;

/** A new id: `comp_` and 128 random bits. It is a name, no credential. */
export function newComputerId(): string {
  return `comp_${randomBytes(16).toString('hex')}`;
}

/** Whether a text can be the id of a computer. */
export function isComputerId(text: string): boolean {
  return ID.test(text);
}
