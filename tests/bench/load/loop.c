// loop: the bound of a fan-out. What is left when nothing remains but the work itself: read what publishers
// posted, answer, write it once to every subscriber. No log, no cursors, no limits, no HTTP beyond what it needs.
//
// GET opens an SSE stream, POST publishes its body. Everything that arrived in one turn of the loop goes out as
// one write per subscriber. A subscriber whose socket is full is waited for: it bounds a server, it is not one.
#include "http.h"
#include <poll.h>

enum { MAX_SUBSCRIBERS = 65536, ROOM = 1 << 20, MAX_EVENTS = 256 };

struct connection {
  int fd;
  char *in;
  size_t length;
};

static int subscribers[MAX_SUBSCRIBERS];
static size_t subscribed;
static char frames[ROOM * 2];  // of this turn
static size_t framed;
static uint64_t position;

static void write_waiting(int fd, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t written = write(fd, bytes, length);
    if (written < 0 && errno == EAGAIN) {
      struct pollfd full = {.fd = fd, .events = POLLOUT};
      poll(&full, 1, -1);
      continue;
    }
    if (written < 0) return;  // its end is seen when it is read
    bytes += written;
    length -= (size_t)written;
  }
}

static void send_frames(void) {
  if (framed == 0) return;
  char *chunk = frames, size[32];
  int head = snprintf(size, sizeof size, "%zx\r\n", framed);
  // The chunk's size stands before it, in room that was left free for it.
  chunk += 32 - head;
  memcpy(chunk, size, (size_t)head);
  memcpy(frames + 32 + framed, "\r\n", 2);
  for (size_t i = 0; i < subscribed; i++) write_waiting(subscribers[i], chunk, (size_t)head + framed + 2);
  framed = 0;
}

// Takes one request from the front of `in`; returns its length, 0 if it has not come whole. Answers to POSTs are
// counted, not sent: they leave in one write.
static size_t take_request(struct connection *c, char *in, size_t length, unsigned *posted) {
  in[length] = 0;
  char *end = strstr(in, "\r\n\r\n");
  if (end == NULL) return 0;
  size_t head = (size_t)(end + 4 - in);
  if (in[0] == 'G') {
    static const char STREAM[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    if (subscribed == MAX_SUBSCRIBERS) fail("too many subscribers");
    subscribers[subscribed++] = c->fd;
    write_waiting(c->fd, STREAM, sizeof STREAM - 1);
    return head;
  }
  *end = 0;  // so that the search ends with this head
  char *field = strcasestr(in, "\r\ncontent-length:");
  *end = '\r';
  size_t body = field == NULL ? 0 : strtoul(field + 17, NULL, 10);
  if (length < head + body) return 0;
  if (32 + framed + body + 256 > sizeof frames) send_frames();
  framed += (size_t)snprintf(frames + 32 + framed, 64, "id: %llu\ndata: ", (unsigned long long)++position);
  memcpy(frames + 32 + framed, in + head, body);
  memcpy(frames + 32 + framed + body, "\n\n", 2);
  framed += body + 2;
  ++*posted;
  return head + body;
}

static void answer(int fd, unsigned posted) {
  static const char DONE[] = "HTTP/1.1 204 No Content\r\n\r\n";
  char answers[(sizeof DONE - 1) * 64];
  while (posted > 0) {
    unsigned now = posted < 64 ? posted : 64;
    for (unsigned i = 0; i < now; i++) memcpy(answers + i * (sizeof DONE - 1), DONE, sizeof DONE - 1);
    write_waiting(fd, answers, now * (sizeof DONE - 1));
    posted -= now;
  }
}

static void leave(struct connection *c) {
  for (size_t i = 0; i < subscribed; i++)
    if (subscribers[i] == c->fd) subscribers[i] = subscribers[--subscribed];
  close(c->fd);
  free(c->in);
  free(c);
}

static void read_connection(struct connection *c) {
  if (c->in == NULL) c->in = allocate(ROOM + 1);
  ssize_t got = read(c->fd, c->in + c->length, ROOM - c->length);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) {
    leave(c);
    return;
  }
  c->length += (size_t)got;
  size_t taken = 0, one;
  unsigned posted = 0;
  while (taken < c->length && (one = take_request(c, c->in + taken, c->length - taken, &posted)) > 0) taken += one;
  answer(c->fd, posted);
  c->length -= taken;
  memmove(c->in, c->in + taken, c->length);
}

int main(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0), epoll = epoll_create1(0);
  if (bind(listener, (struct sockaddr *)&address, length) != 0 || listen(listener, 4096) != 0)
    fail("listen: %s", strerror(errno));
  getsockname(listener, (struct sockaddr *)&address, &length);
  printf("ready %d\n", ntohs(address.sin_port));
  fflush(stdout);
  do_not_block(listener);
  watch_fd(epoll, listener, EPOLLIN, NULL);
  while (true) {
    struct epoll_event events[MAX_EVENTS];
    int count = epoll_wait(epoll, events, MAX_EVENTS, -1);
    for (int i = 0; i < count; i++) {
      if (events[i].data.ptr != NULL) {
        read_connection(events[i].data.ptr);
        continue;
      }
      int fd;
      while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct connection *c = allocate(sizeof *c);
        c->fd = fd;
        watch_fd(epoll, fd, EPOLLIN, c);
      }
    }
    send_frames();
  }
}
