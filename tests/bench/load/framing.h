// From the bytes of a socket to the payload that a reader of the protocol sees: chunked HTTP, WebSocket, or plain.
#pragma once
#include "base.h"

enum framing_kind { FRAMING_PLAIN, FRAMING_CHUNKED, FRAMING_WEBSOCKET };

//   chunked     SIZE --LF--> BODY --size bytes--> TAIL --LF--> SIZE        size 0: ENDED
//   websocket   HEAD --all its bytes--> BODY --length bytes--> HEAD        close frame: ENDED
enum framing_state { FRAMING_HEAD, FRAMING_BODY, FRAMING_TAIL, FRAMING_ENDED };

// Zeroed, but for `kind`, it stands at the beginning. What arrives may be cut anywhere.
struct framing {
  enum framing_kind kind;
  enum framing_state state;
  uint64_t left;     // of the body that is being read
  uint8_t head[10];  // of a WebSocket frame
  uint8_t headed;
  bool sized;  // a digit of the chunk's size was seen
};

// One stretch of payload; a message may come in several.
typedef void payload_sink(void *context, const char *bytes, size_t length);

static inline void take_size_byte(struct framing *f, char byte) {
  if (byte >= '0' && byte <= '9') f->left = f->left * 16 + (uint64_t)(byte - '0');
  else if ((byte | 32) >= 'a' && (byte | 32) <= 'f') f->left = f->left * 16 + (uint64_t)((byte | 32) - 'a' + 10);
  else if (byte == '\n' && f->sized) f->state = f->left == 0 ? FRAMING_ENDED : FRAMING_BODY;
  else if (byte != '\r') fail("malformed chunk size");
  f->sized = byte != '\n' && (f->sized || byte != '\r');
}

static inline void take_head_byte(struct framing *f, uint8_t byte) {
  f->head[f->headed++] = byte;
  if (f->headed < 2) return;
  unsigned extra = (f->head[1] & 127) == 126 ? 2 : (f->head[1] & 127) == 127 ? 8 : 0;
  if (f->headed < 2 + extra) return;
  f->left = extra == 0 ? f->head[1] & 127u : 0;
  for (unsigned i = 0; i < extra; i++) f->left = f->left << 8 | f->head[2 + i];
  f->headed = 0;
  f->state = (f->head[0] & 15) == 8 ? FRAMING_ENDED : f->left == 0 ? FRAMING_HEAD : FRAMING_BODY;
}

static inline void unframe(struct framing *f, const char *bytes, size_t length, payload_sink *sink, void *context) {
  if (f->kind == FRAMING_PLAIN) return sink(context, bytes, length);
  while (length > 0 && f->state != FRAMING_ENDED) {
    if (f->state == FRAMING_BODY) {
      size_t part = length < f->left ? length : (size_t)f->left;
      sink(context, bytes, part);
      bytes += part;
      length -= part;
      f->left -= part;
      if (f->left == 0) f->state = f->kind == FRAMING_CHUNKED ? FRAMING_TAIL : FRAMING_HEAD;
      continue;
    }
    char byte = *bytes++;
    length--;
    if (f->state == FRAMING_TAIL) f->state = byte == '\n' ? FRAMING_HEAD : FRAMING_TAIL;
    else if (f->kind == FRAMING_CHUNKED) take_size_byte(f, byte);
    else take_head_byte(f, (uint8_t)byte);
  }
}

// A client's text frame. Masked, as a client must, with the mask 0, which leaves the bytes as they are. `out`
// has room for 14 bytes more than the text. Returns the frame's length.
static inline size_t websocket_frame(char *out, const char *text, size_t length) {
  size_t n = 0;
  out[n++] = (char)0x81;
  if (length < 126) out[n++] = (char)(0x80 | length);
  else if (length < 65536) {
    out[n++] = (char)(0x80 | 126);
    out[n++] = (char)(length >> 8);
    out[n++] = (char)length;
  } else {
    out[n++] = (char)(0x80 | 127);
    for (int shift = 56; shift >= 0; shift -= 8) out[n++] = (char)((uint64_t)length >> shift);
  }
  memset(out + n, 0, 4);
  memcpy(out + n + 4, text, length);
  return n + 4 + length;
}
