import { randomBytes } from 'node:crypto';
import { type StreamKey, streamKey } from '../../log/stream-key.ts';

/** First segment of the names of a chat's streams. */
export const KIND = 'chats';

const ID = /^[A-Za-z0-9_-]{1,64}$/;

/** 120 random bits: nobody meets another's by guessing, though a chat needs a key besides. */
export function newId(prefix: 'chat' | 'ans' | 'msg'): string {
  return `${prefix}_${randomBytes(15).toString('base64url')}`;
}

/** Whether a chat may be called so. */
export function isChatId(text: string): boolean {
  return ID.test(text);
}

/** The stream of a chat: its messages, and the beginning of every answer. */
export function chatStream(tenant: string, chat: string): StreamKey {
  return streamKey(tenant, `${KIND}/${chat}`);
}

/** The stream of one answer: its pieces as they came. */
export function answerStream(tenant: string, chat: string, answer: string): StreamKey {
  return streamKey(tenant, answerName(chat, answer));
}

export function answerName(chat: string, answer: string): string {
  return `${KIND}/${chat}/${answer}`;
}
