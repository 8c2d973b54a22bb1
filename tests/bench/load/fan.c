// fan: one publisher, N subscribers, and a check that every subscriber gets every event, once and in order.
//
// Closed loop (`--in-flight W`): the next event is published when the subscribers have, on average, all but W-1 of
// those before it. Or at a fixed pace (`--rate`, events/s). Both ends are one thread on one core, so the time
// between publishing and delivery is read from one clock.
//
// An event's payload is `{"n":"~00000042","pad":"xxx"}` of exactly `--bytes` bytes: a subscriber finds the number
// wherever the server puts the payload, in whatever envelope. `~` may stand nowhere else in what it receives.
//
// After warming up it measures for `--seconds`, then publishes no more and waits for what is still under way.
// One line of JSON on stdout tells what was delivered, what never came, and what came twice.
#include "publisher.h"

enum { RING = 1 << 20, READ_SIZE = 256 * 1024, ALL_AT_ONCE = 512 };

static const char *reader = "sse", *writer = "http", *path = "/", *headers = "", *greeting = "";
static const char *write_path = "/", *write_headers = "", *write_greeting = "", *before = "", *after = "";
static long port, subscribers = 1000, in_flight = 16, size = 128;
static double rate, seconds = 3, warm_up = 1, stall;

static const struct option_spec OPTIONS[] = {
    {"port", OPTION_WHOLE, &port},
    {"subscribers", OPTION_WHOLE, &subscribers},
    {"in-flight", OPTION_WHOLE, &in_flight},
    {"rate", OPTION_REAL, &rate},
    {"bytes", OPTION_WHOLE, &size},
    {"seconds", OPTION_REAL, &seconds},
    {"warm-up", OPTION_REAL, &warm_up},
    {"stall", OPTION_REAL, &stall},  // seconds for which the last subscriber reads nothing; 0: it reads
    {"reader", OPTION_TEXT, &reader},  // sse or websocket
    {"path", OPTION_TEXT, &path},
    {"headers", OPTION_TEXT, &headers},    // lines that end with CRLF
    {"greeting", OPTION_TEXT, &greeting},  // what a WebSocket says first
    {"writer", OPTION_TEXT, &writer},      // http (POST, pipelined) or websocket
    {"write-path", OPTION_TEXT, &write_path},
    {"write-headers", OPTION_TEXT, &write_headers},
    {"write-greeting", OPTION_TEXT, &write_greeting},
    {"before", OPTION_TEXT, &before},  // the envelope around each payload
    {"after", OPTION_TEXT, &after},
    {NULL, OPTION_WHOLE, NULL}};

struct subscriber {
  int fd;
  bool stalled;
  struct framing framing;
  char carry[MARK];  // the beginning of a number that was cut by the end of a read or of a chunk
  size_t carried;
  uint64_t next;  // the number it expects
};

// What was published under a number: its digits as one word to compare with, and when.
struct published {
  uint64_t digits;
  uint64_t at;
};

static struct subscriber *all;
static struct published ring[RING];
static struct latencies latencies;
static uint64_t read_at;    // when the bytes at hand were read
static uint64_t delivered;  // to subscribers that are not stalled
static uint64_t missing, repeated, received_bytes, sent;
static bool measuring;

static struct publisher publisher;

static void take_number(struct subscriber *s, const char *digits) {
  uint64_t word;
  memcpy(&word, digits, DIGITS);
  const struct published *expected = &ring[s->next % RING];
  // Comparing one word settles nearly every delivery; only what is out of order is read as a number.
  if (word != expected->digits) {
    uint64_t number = read_digits(digits);
    if (number < s->next) {
      repeated++;
      return;
    }
    missing += number - s->next;
    s->next = number;
    expected = &ring[number % RING];
  }
  s->next++;
  if (s->stalled) return;
  delivered++;
  if (measuring) count_latency(&latencies, read_at - expected->at);
}

static void take_payload(void *context, const char *bytes, size_t length) {
  struct subscriber *s = context;
  if (s->carried > 0) {
    size_t part = MARK - s->carried < length ? MARK - s->carried : length;
    memcpy(s->carry + s->carried, bytes, part);
    s->carried += part;
    if (s->carried < MARK) return;
    s->carried = 0;
    take_number(s, s->carry + 1);
    bytes += part;
    length -= part;
  }
  const char *end = bytes + length;
  while ((bytes = memchr(bytes, '~', (size_t)(end - bytes))) != NULL) {
    if (end - bytes < MARK) {
      s->carried = (size_t)(end - bytes);
      memcpy(s->carry, bytes, s->carried);
      return;
    }
    take_number(s, bytes + 1);
    bytes += MARK;
  }
}

// One buffer for all subscribers, so that it stays in the cache: a buffer each would measure memory instead.
static void read_subscriber(struct subscriber *s) {
  static char buffer[READ_SIZE];
  ssize_t got = read(s->fd, buffer, sizeof buffer);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) fail("a subscriber was disconnected after %llu events", (unsigned long long)s->next - 1);
  read_at = now_ns();
  if (measuring) received_bytes += (uint64_t)got;
  unframe(&s->framing, buffer, (size_t)got, take_payload, s);
  if (s->framing.state == FRAMING_ENDED) fail("a subscriber's stream ended");
}

static void publish(uint64_t at) {
  sent++;
  publish_number(&publisher, sent);
  struct published *slot = &ring[sent % RING];
  memcpy(&slot->digits, publisher.digits, DIGITS);
  slot->at = at;
}

// ---- the run ------------------------------------------------------------------------------------------------

// Several WebSocket messages are separated by the record separator, 0x1e.
static void greet(int fd, const char *text) {
  while (*text != 0) {
    char frame[4096];
    size_t length = strcspn(text, "\x1e");
    if (length > sizeof frame - 14) fail("a greeting is too long");
    write_whole(fd, frame, websocket_frame(frame, text, length));
    text += length + (text[length] != 0);
  }
}

static void connect_all(int epoll) {
  all = allocate((size_t)subscribers * sizeof *all);
  for (long i = 0; i < subscribers; i++) {
    struct subscriber *s = &all[i];
    *s = (struct subscriber){.fd = dial(port), .next = 1};
    open_stream(s->fd, strcmp(reader, "websocket") == 0, path, headers, &s->framing, take_payload, s);
    greet(s->fd, greeting);
    do_not_block(s->fd);
    watch_fd(epoll, s->fd, EPOLLIN, s);
  }
  publisher.fd = dial(port);
  publisher.websocket = strcmp(writer, "websocket") == 0;
  struct letter_spec spec = {write_path, write_headers, before, after, (size_t)size};
  prepare_letter(&publisher, &spec);
  if (publisher.websocket) {
    struct framing framing = {0};
    open_stream(publisher.fd, true, write_path, write_headers, &framing, ignore_payload, NULL);
    greet(publisher.fd, write_greeting);
  }
  do_not_block(publisher.fd);
  watch_fd(epoll, publisher.fd, EPOLLIN, NULL);
}

static void poll_once(int epoll, int timeout_ms) {
  struct epoll_event events[ALL_AT_ONCE];
  int count = epoll_wait(epoll, events, ALL_AT_ONCE, timeout_ms);
  for (int i = 0; i < count; i++) {
    if (events[i].data.ptr == NULL) read_publisher(&publisher);
    else read_subscriber(events[i].data.ptr);
  }
}

// How many events the slowest subscriber lacks.
static uint64_t behind(void) {
  uint64_t least = sent + 1;
  for (long i = 0; i < subscribers; i++)
    if (all[i].next < least) least = all[i].next;
  return sent + 1 - least;
}

// Waits until every subscriber has everything; false if that takes longer than `patience`.
static bool settle(int epoll, double patience) {
  uint64_t give_up = now_ns() + seconds_to_ns(patience);
  while (behind() > 0) {
    if (now_ns() > give_up) return false;
    flush_outbox(&publisher);
    poll_once(epoll, 1);
  }
  return true;
}

static void stay_in_flight(uint64_t now, uint64_t began, long live) {
  if (rate > 0) {
    static uint64_t paced;
    while ((double)paced < (double)(now - began) / 1e9 * rate) {
      publish(now);
      paced++;
    }
  } else {
    while (sent < delivered / (uint64_t)live + (uint64_t)in_flight) publish(now);
  }
  flush_outbox(&publisher);
}

int main(int count, char **words) {
  read_options(count, words, OPTIONS);
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  connect_all(epoll);

  // Greetings are answered before the first event; a peer that lets subscribers join late must not lose it.
  for (uint64_t until = now_ns() + seconds_to_ns(0.5); now_ns() < until;) poll_once(epoll, 10);
  publish(now_ns());
  if (!settle(epoll, 10)) fail("not every subscriber heard the first event");

  long live = subscribers - (stall > 0);
  struct subscriber *sleeper = stall > 0 ? &all[subscribers - 1] : NULL;
  if (sleeper != NULL) {
    sleeper->stalled = true;
    epoll_ctl(epoll, EPOLL_CTL_DEL, sleeper->fd, NULL);
    delivered -= 1;
  }
  uint64_t began = now_ns(), measure_at = began + seconds_to_ns(warm_up), end_at = measure_at + seconds_to_ns(seconds);
  uint64_t wake_at = began + seconds_to_ns(stall), base = 0, now = began;
  for (; now < end_at; now = now_ns()) {
    if (!measuring && now >= measure_at) {
      measuring = true;
      measure_at = now;
      base = delivered;
    }
    if (sleeper != NULL && now >= wake_at) {
      watch_fd(epoll, sleeper->fd, EPOLLIN, sleeper);
      sleeper = NULL;
    }
    stay_in_flight(now, began, live);
    poll_once(epoll, rate > 0 ? 0 : 20);
  }
  measuring = false;
  double took = (double)(now - measure_at) / 1e9;
  double deliveries = (double)(delivered - base);

  if (sleeper != NULL) watch_fd(epoll, sleeper->fd, EPOLLIN, sleeper);
  bool complete = settle(epoll, 60);
  double catch_up = (double)(now_ns() - now) / 1e9;
  printf("{\"deliveries_per_second\":%.0f,\"events_per_second\":%.1f,\"megabytes_per_second\":%.1f,", deliveries / took,
         deliveries / took / (double)live, (double)received_bytes / took / 1e6);
  print_latencies(&latencies);
  printf(",\"seconds\":%.3f,\"events\":%llu,\"complete\":%s,\"missing\":%llu,\"repeated\":%llu,\"catch_up_seconds\":%.3f}\n",
         took, (unsigned long long)sent, complete ? "true" : "false", (unsigned long long)missing,
         (unsigned long long)repeated, catch_up);
  return 0;
}
