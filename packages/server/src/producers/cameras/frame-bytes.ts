import type { Encoding } from '../../hub/hub.ts';

/** The newest frame of what is delivered, as it is in the stream; nothing, where it was erased. */
export const frameBytes: Encoding = {
  encode({ events }) {
    const data = events.at(-1)?.data;
    return data instanceof Uint8Array ? data : new Uint8Array();
  },
  frame: (parts) => parts.at(-1) ?? new Uint8Array(),
};
