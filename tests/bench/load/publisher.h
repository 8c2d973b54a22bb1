// One connection that publishes: pipelined POSTs, or WebSocket messages. What it sends is made once; from event to
// event only the number in it changes.
#pragma once
#include "http.h"
#include "payload.h"

struct publisher {
  int fd;
  bool websocket;
  char *letter;  // one request or frame
  char *digits;  // in the letter
  size_t letter_length;
  char *outbox;
  size_t outbox_length, outbox_room;
  struct answers answers;
  uint64_t answered;
};

struct letter_spec {
  const char *path, *headers, *before, *after;
  size_t size;
};

static inline void prepare_letter(struct publisher *p, const struct letter_spec *spec) {
  size_t length = strlen(spec->before), room = length + payload_length(spec->size) + strlen(spec->after) + 1;
  char *body = allocate(room);
  memcpy(body, spec->before, length);
  length += write_payload(body + length, spec->size);
  memcpy(body + length, spec->after, strlen(spec->after));
  length += strlen(spec->after);
  p->letter = allocate(room + HEAD_LIMIT);
  p->letter_length = p->websocket ? websocket_frame(p->letter, body, length)
                                  : write_request(p->letter, room + HEAD_LIMIT, "POST", spec->path, spec->headers,
                                                  body, length);
  p->digits = find_digits(p->letter, p->letter_length);
  free(body);
}

// Queues an event. It leaves with the next flush, in one write with all that were queued in the same turn.
static inline void publish_number(struct publisher *p, uint64_t number) {
  write_digits(p->digits, number);
  if (p->outbox_length + p->letter_length > p->outbox_room) {
    p->outbox_room = (p->outbox_room + p->letter_length) * 2;
    p->outbox = realloc(p->outbox, p->outbox_room);
    if (p->outbox == NULL) fail("out of memory");
  }
  memcpy(p->outbox + p->outbox_length, p->letter, p->letter_length);
  p->outbox_length += p->letter_length;
}

// Never blocks: a publisher that waits for the server while the server waits for a subscriber is a deadlock.
static inline void flush_outbox(struct publisher *p) {
  if (p->outbox_length == 0) return;
  ssize_t written = write(p->fd, p->outbox, p->outbox_length);
  if (written < 0 && errno == EAGAIN) return;
  if (written < 0) fail("publishing: %s", strerror(errno));
  p->outbox_length -= (size_t)written;
  memmove(p->outbox, p->outbox + written, p->outbox_length);
}

static inline void read_publisher(struct publisher *p) {
  static char buffer[64 * 1024];
  ssize_t got = read(p->fd, buffer, sizeof buffer);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) fail("the publisher was disconnected after %llu answers", (unsigned long long)p->answered);
  if (!p->websocket) p->answered += take_answers(&p->answers, buffer, (size_t)got);
}
