// append: HTTP POSTs in a closed loop. Each of `--connections` sends a request, waits for its answer, and sends
// the next: never two under way on one connection. Any answer but 2xx ends the run with the answer's text.
//
// An item's payload is `{"n":"~00000042","pad":"xxx"}` of exactly `--bytes` bytes between `--before` and `--after`;
// a body is `--batch` of them, joined with commas, between `--open` and `--close`. It stops after `--seconds`, or
// after `--items` if given. With `--streams N` the eight digits of `~00000000` in `--path` count from 0 to N-1, request
// by request. One line of JSON on stdout.
#include "http.h"
#include "payload.h"

enum { READ_SIZE = 256 * 1024, ALL_AT_ONCE = 512 };

static const char *path = "/", *headers = "", *before = "", *after = "", *open_with = "", *close_with = "";
static long port, connections = 64, batch = 1, size = 128, items, streams;
static double seconds = 3, warm_up = 1;

static const struct option_spec OPTIONS[] = {
    {"port", OPTION_WHOLE, &port},
    {"connections", OPTION_WHOLE, &connections},
    {"batch", OPTION_WHOLE, &batch},
    {"bytes", OPTION_WHOLE, &size},
    {"items", OPTION_WHOLE, &items},
    {"streams", OPTION_WHOLE, &streams},
    {"seconds", OPTION_REAL, &seconds},
    {"warm-up", OPTION_REAL, &warm_up},  // not used with --items
    {"path", OPTION_TEXT, &path},
    {"headers", OPTION_TEXT, &headers},  // lines that end with CRLF
    {"before", OPTION_TEXT, &before},
    {"after", OPTION_TEXT, &after},
    {"open", OPTION_TEXT, &open_with},
    {"close", OPTION_TEXT, &close_with},
    {NULL, OPTION_WHOLE, NULL}};

struct connection {
  int fd;
  uint64_t sent_at;
  struct answers answers;
};

// The request is made once; only the items' numbers change.
static char *request;
static size_t request_length;
static char **numbers, *stream_digits;
static uint64_t numbered, answered, under_way;
static struct latencies latencies;
static bool measuring;

static size_t add_text(char *out, size_t at, const char *text) {
  size_t length = strlen(text);
  memcpy(out + at, text, length);
  return at + length;
}

static void prepare_request(void) {
  size_t item = strlen(before) + payload_length((size_t)size) + strlen(after) + 1;
  char *body = allocate((size_t)batch * item + strlen(open_with) + strlen(close_with));
  size_t length = add_text(body, 0, open_with);
  for (long i = 0; i < batch; i++) {
    if (i > 0) body[length++] = ',';
    length = add_text(body, length, before);
    length = add_text(body, length + write_payload(body + length, (size_t)size), after);
  }
  length = add_text(body, length, close_with);
  request = allocate(length + HEAD_LIMIT);
  request_length = write_request(request, length + HEAD_LIMIT, "POST", path, headers, body, length);
  numbers = allocate((size_t)batch * sizeof *numbers);
  char *from = request;
  if (streams > 0) stream_digits = from = find_digits(from, request_length);
  for (long i = 0; i < batch; i++) numbers[i] = from = find_digits(from, request_length - (size_t)(from - request));
  free(body);
}

static void send_next(struct connection *c) {
  for (long i = 0; i < batch; i++) write_digits(numbers[i], ++numbered);
  if (streams > 0) write_digits(stream_digits, numbered % (uint64_t)streams);
  c->sent_at = now_ns();
  under_way++;
  // The socket blocks: a request fits into its buffer, since the one before it was read and answered.
  write_whole(c->fd, request, request_length);
}

static bool more_to_send(uint64_t end_at) { return items > 0 ? numbered < (uint64_t)items : now_ns() < end_at; }

int main(int count, char **words) {
  read_options(count, words, OPTIONS);
  if (items > 0) warm_up = 0;
  prepare_request();
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  struct connection *all = allocate((size_t)connections * sizeof *all);
  for (long i = 0; i < connections; i++) {
    all[i].fd = dial(port);
    watch_fd(epoll, all[i].fd, EPOLLIN, &all[i]);
  }
  uint64_t began = now_ns(), measure_at = began + seconds_to_ns(warm_up), end_at = measure_at + seconds_to_ns(seconds);
  uint64_t base = 0, last = began;
  for (long i = 0; i < connections && more_to_send(end_at); i++) send_next(&all[i]);
  while (under_way > 0) {
    static char buffer[READ_SIZE];
    struct epoll_event events[ALL_AT_ONCE];
    int ready = epoll_wait(epoll, events, ALL_AT_ONCE, 1000);
    uint64_t now = now_ns();
    if (!measuring && now >= measure_at) {
      measuring = true;
      measure_at = now;
      base = answered;
    }
    for (int i = 0; i < ready; i++) {
      struct connection *c = events[i].data.ptr;
      ssize_t got = read(c->fd, buffer, sizeof buffer);
      if (got <= 0) fail("a connection was closed after %llu answers", (unsigned long long)answered);
      if (take_answers(&c->answers, buffer, (size_t)got) == 0) continue;
      under_way--;
      // What is answered after the end is waited for, so that nothing is cut off, but it does not count.
      if (items > 0 || now < end_at) {
        answered++;
        last = now;
        if (measuring) count_latency(&latencies, now - c->sent_at);
      }
      if (more_to_send(end_at)) send_next(c);
    }
  }
  double took = (double)(last - measure_at) / 1e9, requests = (double)(answered - base);
  printf("{\"requests_per_second\":%.0f,\"items_per_second\":%.0f,", requests / took, requests * (double)batch / took);
  print_latencies(&latencies);
  printf(",\"seconds\":%.3f,\"items\":%llu}\n", took, (unsigned long long)numbered);
  return 0;
}
