// Just enough of an HTTP client: opening a stream, and counting the answers to requests on one connection.
#pragma once
#include "framing.h"

enum { HEAD_LIMIT = 16384 };

// The bytes of a request. `headers` is either '' or lines that each end with CRLF. `body` may be null.
static inline size_t write_request(char *out, size_t room, const char *method, const char *path, const char *headers,
                                   const char *body, size_t body_length) {
  int head = body == NULL
                 ? snprintf(out, room, "%s %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", method, path, headers)
                 : snprintf(out, room, "%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n%s"
                                       "Content-Length: %zu\r\n\r\n", method, path, headers, body_length);
  if (head < 0 || (size_t)head + body_length >= room) fail("the request is too long");
  if (body != NULL) memcpy(out + head, body, body_length);
  return (size_t)head + body_length;
}

// Opens a stream on a socket that still blocks: SSE, or WebSocket after an upgrade. What came behind the head
// of the answer goes to `sink`. Any other status ends the program.
static inline void open_stream(int fd, bool websocket, const char *path, const char *headers, struct framing *framing,
                               payload_sink *sink, void *context) {
  char request[HEAD_LIMIT], own[4096], head[HEAD_LIMIT + 1];
  snprintf(own, sizeof own, "%s%s", headers,
           websocket ? "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                       "Sec-WebSocket-Key: AAECAwQFBgcICQoLDA0ODw==\r\n"
                     : "Accept: text/event-stream\r\n");
  write_whole(fd, request, write_request(request, sizeof request, "GET", path, own, NULL, 0));
  size_t length = 0;
  char *end = NULL;
  while (end == NULL) {
    ssize_t got = read(fd, head + length, HEAD_LIMIT - length);
    if (got <= 0) fail("%s was not answered", path);
    length += (size_t)got;
    head[length] = 0;
    end = strstr(head, "\r\n\r\n");
    if (end == NULL && length == HEAD_LIMIT) fail("%s: the answer's head is too long", path);
  }
  if (strncmp(head + 9, websocket ? "101" : "200", 3) != 0) fail("%s was refused: %.400s", path, head);
  end[2] = 0;
  framing->kind = websocket ? FRAMING_WEBSOCKET
                            : strcasestr(head, "\r\ntransfer-encoding: chunked\r\n") ? FRAMING_CHUNKED : FRAMING_PLAIN;
  unframe(framing, end + 4, length - (size_t)(end + 4 - head), sink, context);
}

// ---- answers ------------------------------------------------------------------------------------------------

// Counts answers on a connection that keeps alive. Bodies are skipped by Content-Length or chunk sizes.
struct answers {
  char head[HEAD_LIMIT + 1];
  size_t length;
  size_t body_left;
  bool chunked;
  struct framing chunks;
};

static inline void ignore_payload(void *context, const char *bytes, size_t length) {
  (void)context;
  (void)bytes;
  (void)length;
}

// True if `a` holds a whole head, which is then consumed. It never holds more: see below.
static inline bool take_answer_head(struct answers *a) {
  a->head[a->length] = 0;
  char *end = strstr(a->head, "\r\n\r\n");
  if (end == NULL) {
    if (a->length == HEAD_LIMIT) fail("an answer's head is too long");
    return false;
  }
  if (a->head[9] != '2') fail("a request was refused: %.600s", a->head);
  end[2] = 0;
  char *field = strcasestr(a->head, "\r\ncontent-length:");
  a->chunked = strcasestr(a->head, "\r\ntransfer-encoding: chunked\r\n") != NULL;
  a->chunks = (struct framing){.kind = FRAMING_CHUNKED};
  a->body_left = a->chunked || field == NULL ? 0 : strtoul(field + 17, NULL, 10);
  a->length = 0;
  return true;
}

// Takes what was read; returns how many answers ended with it.
static inline unsigned take_answers(struct answers *a, const char *bytes, size_t length) {
  unsigned ended = 0;
  bool in_body = a->body_left > 0 || a->chunked;
  while (true) {
    if (in_body && a->chunked) {
      // The last chunk's blank line is left over: it is skipped in front of the next head.
      while (length > 0 && a->chunks.state != FRAMING_ENDED) {
        unframe(&a->chunks, bytes, 1, ignore_payload, NULL);
        bytes++;
        length--;
      }
      if (a->chunks.state != FRAMING_ENDED) return ended;
      a->chunked = in_body = false;
      ended++;
    } else if (in_body) {
      size_t part = length < a->body_left ? length : a->body_left;
      bytes += part;
      length -= part;
      a->body_left -= part;
      if (a->body_left > 0) return ended;
      in_body = false;
      ended++;
    }
    if (length == 0) return ended;
    // Not one byte is taken beyond the blank line: what follows belongs to the body or to the next answer.
    while (length > 0 && a->length < HEAD_LIMIT) {
      char byte = *bytes++;
      length--;
      if (a->length == 0 && (byte == '\r' || byte == '\n')) continue;
      a->head[a->length++] = byte;
      if (byte == '\n' && a->length >= 4 && memcmp(a->head + a->length - 4, "\r\n\r\n", 4) == 0) break;
    }
    if (!take_answer_head(a)) return ended;
    in_body = a->body_left > 0 || a->chunked;
    if (!in_body) ended++;
  }
}
