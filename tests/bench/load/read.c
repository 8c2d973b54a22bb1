// read: one SSE reader, as fast as the server gives. It looks for numbers behind a marker (`--marker`) and checks
// that they count up from 1 without a hole; it ends at `--count` numbers or when `--until` stands in the stream.
// With `--any-order` the numbers are only counted: what was appended on several connections has no order of its own.
// One line of JSON on stdout, the time running from before it connects.
#include "http.h"

enum { READ_SIZE = 1 << 20 };

static const char *path = "/", *headers = "", *marker = "~", *until = "";
static long port, limit, any_order;
static double patience = 120;

static const struct option_spec OPTIONS[] = {
    {"port", OPTION_WHOLE, &port},
    {"path", OPTION_TEXT, &path},
    {"headers", OPTION_TEXT, &headers},  // lines that end with CRLF
    {"marker", OPTION_TEXT, &marker},
    {"until", OPTION_TEXT, &until},
    {"count", OPTION_WHOLE, &limit},
    {"any-order", OPTION_WHOLE, &any_order},
    {"patience", OPTION_REAL, &patience},  // seconds, then it gives up
    {NULL, OPTION_WHOLE, NULL}};

static char text[READ_SIZE * 2];  // payload that is not scanned yet
static size_t length;
static uint64_t counted, out_of_order, received;
static bool ended;

// Scans whole lines only, so neither a marker nor a number is ever cut.
static void scan_lines(void) {
  char *last = memrchr(text, '\n', length);
  if (last == NULL) {
    if (length == sizeof text) fail("a line is too long");
    return;
  }
  char *at = text, *end = last + 1;
  size_t marker_length = strlen(marker);
  while ((at = memmem(at, (size_t)(end - at), marker, marker_length)) != NULL) {
    at += marker_length;
    uint64_t number = 0;
    while (*at >= '0' && *at <= '9') number = number * 10 + (uint64_t)(*at++ - '0');
    counted++;
    if (!any_order && number != counted) out_of_order++;
  }
  if (limit > 0 && counted >= (uint64_t)limit) ended = true;
  if (*until != 0 && memmem(text, (size_t)(end - text), until, strlen(until)) != NULL) ended = true;
  length -= (size_t)(end - text);
  memmove(text, end, length);
}

static void take_payload(void *context, const char *bytes, size_t more) {
  (void)context;
  while (more > 0) {
    size_t part = sizeof text - length < more ? sizeof text - length : more;
    memcpy(text + length, bytes, part);
    length += part;
    bytes += part;
    more -= part;
    scan_lines();
  }
}

int main(int count, char **words) {
  read_options(count, words, OPTIONS);
  static char buffer[READ_SIZE];
  struct framing framing = {0};
  uint64_t began = now_ns(), first = 0;
  int fd = dial(port);
  struct timeval longest = {.tv_sec = (time_t)patience};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &longest, sizeof longest);
  open_stream(fd, false, path, headers, &framing, take_payload, NULL);
  while (!ended && framing.state != FRAMING_ENDED) {
    ssize_t got = read(fd, buffer, sizeof buffer);
    if (got < 0) fail("nothing came for %.0f s after %llu", patience, (unsigned long long)counted);
    if (got == 0) break;
    received += (uint64_t)got;
    unframe(&framing, buffer, (size_t)got, take_payload, NULL);
    if (first == 0 && counted > 0) first = now_ns();
    if ((double)(now_ns() - began) / 1e9 > patience) fail("gave up after %llu in %.0f s", (unsigned long long)counted, patience);
  }
  double took = (double)(now_ns() - began) / 1e9;
  printf("{\"count\":%llu,\"out_of_order\":%llu,\"per_second\":%.0f,\"seconds\":%.3f,\"first_seconds\":%.3f,"
         "\"megabytes_per_second\":%.1f}\n",
         (unsigned long long)counted, (unsigned long long)out_of_order, (double)counted / took, took,
         first == 0 ? 0 : (double)(first - began) / 1e9, (double)received / took / 1e6);
  return 0;
}
