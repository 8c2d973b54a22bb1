// What every generator needs: one way to fail, a clock, options, sockets, and a histogram of latencies.
#pragma once
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

// A generator that cannot do its work says why on stderr and exits 1: it never prints a result it did not reach.
__attribute__((format(printf, 1, 2), noreturn)) static inline void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  exit(1);
}

// Nanoseconds of the monotonic clock.
static inline uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline uint64_t seconds_to_ns(double seconds) { return (uint64_t)(seconds * 1e9); }

static inline void *allocate(size_t bytes) {
  void *memory = calloc(1, bytes);
  if (memory == NULL) fail("out of memory");
  return memory;
}

// ---- options: `--name value`, each named once in a table that ends with a null name -------------------------

enum option_kind { OPTION_WHOLE, OPTION_REAL, OPTION_TEXT };

struct option_spec {
  const char *name;
  enum option_kind kind;
  void *into;  // long *, double * or const char **
};

static inline void read_options(int count, char **words, const struct option_spec *specs) {
  for (int i = 1; i < count; i += 2) {
    const struct option_spec *spec = specs;
    while (spec->name != NULL && (strncmp(words[i], "--", 2) != 0 || strcmp(words[i] + 2, spec->name) != 0)) spec++;
    if (spec->name == NULL) fail("unknown option %s", words[i]);
    if (i + 1 == count) fail("%s needs a value", words[i]);
    switch (spec->kind) {
      case OPTION_WHOLE: *(long *)spec->into = strtol(words[i + 1], NULL, 10); break;
      case OPTION_REAL: *(double *)spec->into = strtod(words[i + 1], NULL); break;
      case OPTION_TEXT: *(const char **)spec->into = words[i + 1]; break;
    }
  }
}

// ---- sockets, always to loopback ----------------------------------------------------------------------------

static inline int dial(long port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket: %s", strerror(errno));
  if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) fail("connect: %s", strerror(errno));
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

static inline void do_not_block(int fd) {
  if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0) fail("fcntl: %s", strerror(errno));
}

// For handshakes, while the socket still blocks.
static inline void write_whole(int fd, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t written = write(fd, bytes, length);
    if (written < 0) fail("write: %s", strerror(errno));
    bytes += written;
    length -= (size_t)written;
  }
}

static inline void watch_fd(int epoll, int fd, uint32_t events, void *data) {
  struct epoll_event event = {.events = events, .data.ptr = data};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll: %s", strerror(errno));
}

// ---- latencies ----------------------------------------------------------------------------------------------
// Buckets grow by powers of two, each cut into 32: a quantile is exact to 3 %, whatever its size, and counting
// costs the same for a nanosecond and an hour. Every delivery is counted, none is sampled away.

enum { BUCKET_BITS = 5, BUCKETS = 64 << BUCKET_BITS };

struct latencies {
  uint64_t count[BUCKETS];
  uint64_t total;
  uint64_t max;
};

static inline void count_latency(struct latencies *all, uint64_t ns) {
  int exponent = ns < (1u << BUCKET_BITS) ? 0 : 63 - __builtin_clzll(ns) - BUCKET_BITS;
  all->count[((uint64_t)exponent << BUCKET_BITS) + (ns >> exponent)]++;
  all->total++;
  if (ns > all->max) all->max = ns;
}

// In ms; 0 if nothing was counted.
static inline double latency_quantile(const struct latencies *all, double quantile) {
  uint64_t wanted = (uint64_t)((double)all->total * quantile), seen = 0;
  for (int i = 0; i < BUCKETS; i++) {
    seen += all->count[i];
    if (seen <= wanted) continue;
    int exponent = i >> BUCKET_BITS;
    uint64_t mantissa = (uint64_t)i & ((1u << BUCKET_BITS) - 1);
    // Above the first bucket row the mantissa carries its leading one into the exponent's place.
    if (exponent > 0) return (double)((mantissa | (1u << BUCKET_BITS)) << (exponent - 1)) / 1e6;
    return (double)mantissa / 1e6;
  }
  return (double)all->max / 1e6;
}

static inline void print_latencies(const struct latencies *all) {
  printf("\"latency_ms\":{\"p50\":%.3f,\"p99\":%.3f,\"max\":%.3f}", latency_quantile(all, 0.5),
         latency_quantile(all, 0.99), (double)all->max / 1e6);
}
