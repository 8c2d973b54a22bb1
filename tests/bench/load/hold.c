// hold: opens `--connections` WebSockets, prints `ready`, and keeps them open and silent until it is ended. A ping is
// answered, as every client answers it. Anything else that it is told ends it with 1: the connections are not idle then.
#include "http.h"
#include <sys/resource.h>

enum { ALL_AT_ONCE = 512, PING_HEAD = 0x89 };

static const char *path = "/", *headers = "";
static long port, connections = 1000;

static const struct option_spec OPTIONS[] = {
    {"port", OPTION_WHOLE, &port},
    {"connections", OPTION_WHOLE, &connections},
    {"path", OPTION_TEXT, &path},
    {"headers", OPTION_TEXT, &headers},  // lines that end with CRLF
    {NULL, OPTION_WHOLE, NULL}};

static void refuse_payload(void *context, const char *bytes, size_t length) {
  (void)context;
  fail("told at the opening: %.*s", length > 400 ? 400 : (int)length, bytes);
}

static void allow_descriptors(long wanted) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_max < (rlim_t)wanted) fail("%ld open files are needed, %ld allowed", wanted, (long)limit.rlim_max);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

static void answer_pings(int fd) {
  static const char PONG[] = {(char)0x8a, (char)0x80, 0, 0, 0, 0};
  uint8_t bytes[64];
  ssize_t got = read(fd, bytes, sizeof bytes);
  if (got <= 0) fail("an idle connection was closed");
  for (ssize_t i = 0; i < got; i++) {
    if (bytes[i] == PING_HEAD) write_whole(fd, PONG, sizeof PONG);
    else if (bytes[i] != 0) fail("an idle connection was told more than a ping");
  }
}

int main(int count, char **words) {
  read_options(count, words, OPTIONS);
  allow_descriptors(connections + 16);
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  for (long i = 0; i < connections; i++) {
    int fd = dial(port);
    struct framing framing = {0};
    open_stream(fd, true, path, headers, &framing, refuse_payload, NULL);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll: %s", strerror(errno));
  }
  printf("ready\n");
  fflush(stdout);
  while (true) {
    struct epoll_event events[ALL_AT_ONCE];
    int ready = epoll_wait(epoll, events, ALL_AT_ONCE, -1);
    for (int i = 0; i < ready; i++) answer_pings(events[i].data.fd);
  }
}
