// catch-up: reads a Durable Stream from its start, answer after answer, each request behind the offset that the answer
// before it named, on one connection, until an answer says that it is up to date. It counts the payloads (`~`), which
// stand nowhere else. One line of JSON on stdout, the time running from before the first request.
#include "http.h"

enum { READ_SIZE = 1 << 20 };

static const char *path = "/", *headers = "";
static long port, limit;
static double patience = 120;

static const struct option_spec OPTIONS[] = {
    {"port", OPTION_WHOLE, &port},
    {"path", OPTION_TEXT, &path},
    {"headers", OPTION_TEXT, &headers},  // lines that end with CRLF
    {"count", OPTION_WHOLE, &limit},
    {"patience", OPTION_REAL, &patience},  // seconds, then it gives up
    {NULL, OPTION_WHOLE, NULL}};

static uint64_t counted, received;

static void take_payload(void *context, const char *bytes, size_t length) {
  (void)context;
  received += length;
  for (const char *end = bytes + length; (bytes = memchr(bytes, '~', (size_t)(end - bytes))) != NULL; bytes++) counted++;
}

// The value of a header in a head, cut at its line's end; NULL without it.
static char *header_of(char *head, const char *name) {
  char *field = strcasestr(head, name);
  if (field == NULL) return NULL;
  field += strlen(name);
  field[strcspn(field, "\r\n")] = 0;
  return field;
}

int main(int count, char **words) {
  read_options(count, words, OPTIONS);
  static char buffer[READ_SIZE];
  char request[HEAD_LIMIT], target[1024], offset[128] = "-1";
  unsigned answers = 0;
  uint64_t began = now_ns();
  int fd = dial(port);
  struct timeval longest = {.tv_sec = (time_t)patience};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &longest, sizeof longest);
  for (bool live = false; !live; answers++) {
    snprintf(target, sizeof target, "%s?offset=%s", path, offset);
    write_whole(fd, request, write_request(request, sizeof request, "GET", target, headers, NULL, 0));
    char head[HEAD_LIMIT + 1], copy[HEAD_LIMIT + 1];
    size_t length = 0;
    char *end = NULL;
    while (end == NULL) {
      ssize_t got = read(fd, head + length, HEAD_LIMIT - length);
      if (got <= 0) fail("%s was not answered", target);
      length += (size_t)got;
      head[length] = 0;
      end = strstr(head, "\r\n\r\n");
      if (end == NULL && length == HEAD_LIMIT) fail("%s: the answer's head is too long", target);
    }
    if (strncmp(head + 9, "200", 3) != 0) fail("%s was refused: %.400s", target, head);
    size_t head_length = (size_t)(end - head) + 2;
    memcpy(copy, head, head_length);
    copy[head_length] = 0;
    char *next = strcasestr(copy, "\r\nstream-next-offset: ");
    live = strcasestr(copy, "\r\nstream-up-to-date: true") != NULL;
    char *declared = strcasestr(copy, "\r\ncontent-length: ");
    struct framing framing = {.kind = FRAMING_CHUNKED};
    size_t left = declared == NULL ? 0 : strtoul(declared + 18, NULL, 10);
    if (next == NULL) fail("%s: an answer without an offset", target);
    snprintf(offset, sizeof offset, "%s", header_of(next, "stream-next-offset: "));
    size_t more = length - (size_t)(end + 4 - head);
    const char *bytes = end + 4;
    while (true) {
      if (declared != NULL) {
        take_payload(NULL, bytes, more);
        left -= more;
        if (left == 0) break;
      } else {
        unframe(&framing, bytes, more, take_payload, NULL);
        if (framing.state == FRAMING_ENDED) break;
      }
      ssize_t got = read(fd, buffer, sizeof buffer);
      if (got <= 0) fail("%s was cut off", target);
      bytes = buffer;
      more = (size_t)got;
    }
  }
  double took = (double)(now_ns() - began) / 1e9;
  if (limit > 0 && counted != (uint64_t)limit) fail("%llu of %ld came", (unsigned long long)counted, limit);
  printf("{\"count\":%llu,\"answers\":%u,\"per_second\":%.0f,\"seconds\":%.3f,\"megabytes_per_second\":%.1f}\n",
         (unsigned long long)counted, answers, (double)counted / took, took, (double)received / took / 1e6);
  return 0;
}
