// batch: appends in batches on ONE WebSocket. A message is `--batch` payloads of exactly `--bytes` bytes, each between
// `--before` and `--after`, joined with commas, between `--open` and `--close`; `~00000000` in `--open` is its id and
// is counted up. At most `--unanswered` of them wait for their answer.
//
// An answer is one text frame that holds `--answer` and the id. They come in the order of the messages: one that says
// something else, or that is not the next, ends the run. One line of JSON on stdout.
#include "http.h"
#include "payload.h"

enum { READ_SIZE = 256 * 1024, ANSWER_LIMIT = 4096, RING = 4096 };

static const char *path = "/", *headers = "", *before = "", *after = "", *open_with = "", *close_with = "";
static const char *answer = "\"appended\"";
static long port, batch = 100, size = 128, unanswered = 32;
static double seconds = 3, warm_up = 1;

static const struct option_spec OPTIONS[] = {
    {"port", OPTION_WHOLE, &port},
    {"batch", OPTION_WHOLE, &batch},
    {"bytes", OPTION_WHOLE, &size},
    {"unanswered", OPTION_WHOLE, &unanswered},
    {"seconds", OPTION_REAL, &seconds},
    {"warm-up", OPTION_REAL, &warm_up},
    {"path", OPTION_TEXT, &path},
    {"headers", OPTION_TEXT, &headers},  // lines that end with CRLF
    {"before", OPTION_TEXT, &before},
    {"after", OPTION_TEXT, &after},
    {"open", OPTION_TEXT, &open_with},
    {"close", OPTION_TEXT, &close_with},
    {"answer", OPTION_TEXT, &answer},
    {NULL, OPTION_WHOLE, NULL}};

// Not 0: some servers see that such a mask changes nothing and skip what every real client makes them do.
static const char MASK[] = {0x1d, 0x47, (char)0xa3, 0x6b};

static char *letter;  // the text of a message; only its numbers change
static size_t letter_length;
static char **numbers;  // the id's, then the events'
static char *outbox;    // masked frames
static size_t outbox_length;
static uint64_t sent, answered, numbered, read_at;
static uint64_t sent_at[RING];
static struct framing framing;
static char text[ANSWER_LIMIT + 1];
static size_t text_length;
static struct latencies latencies;
static bool measuring;

static size_t add_text(char *out, size_t at, const char *added) {
  size_t length = strlen(added);
  memcpy(out + at, added, length);
  return at + length;
}

static void prepare_letter(void) {
  size_t item = strlen(before) + payload_length((size_t)size) + strlen(after) + 1;
  size_t room = (size_t)batch * item + strlen(open_with) + strlen(close_with);
  letter = allocate(room);
  letter_length = add_text(letter, 0, open_with);
  for (long i = 0; i < batch; i++) {
    if (i > 0) letter[letter_length++] = ',';
    letter_length = add_text(letter, letter_length, before);
    letter_length += write_payload(letter + letter_length, (size_t)size);
    letter_length = add_text(letter, letter_length, after);
  }
  letter_length = add_text(letter, letter_length, close_with);
  numbers = allocate((size_t)(batch + 1) * sizeof *numbers);
  char *from = letter;
  for (long i = 0; i <= batch; i++) numbers[i] = from = find_digits(from, letter_length - (size_t)(from - letter));
  outbox = allocate((room + 14) * (size_t)unanswered);
}

static void queue_next(void) {
  write_digits(numbers[0], ++sent);
  for (long i = 1; i <= batch; i++) write_digits(numbers[i], ++numbered);
  char *frame = outbox + outbox_length;
  size_t length = websocket_frame(frame, letter, letter_length);
  char *body = frame + length - letter_length;
  memcpy(body - sizeof MASK, MASK, sizeof MASK);
  for (size_t i = 0; i < letter_length; i++) body[i] ^= MASK[i % sizeof MASK];
  outbox_length += length;
  sent_at[sent % RING] = now_ns();
}

// Never blocks: the server may wait for its answers to be read before it reads on.
static void flush_outbox(int fd) {
  if (outbox_length == 0) return;
  ssize_t written = write(fd, outbox, outbox_length);
  if (written < 0 && errno == EAGAIN) return;
  if (written < 0) fail("appending: %s", strerror(errno));
  outbox_length -= (size_t)written;
  memmove(outbox, outbox + written, outbox_length);
}

static void take_answer(void *context, const char *bytes, size_t length) {
  (void)context;
  if (text_length + length > ANSWER_LIMIT) fail("an answer is too long");
  memcpy(text + text_length, bytes, length);
  text_length += length;
  // The stretch is counted off after this call: it is the frame's last one if it is all that was left.
  if (framing.left != length) return;
  text[text_length] = 0;
  text_length = 0;
  char *mark = strchr(text, '~');
  if (strstr(text, answer) == NULL || mark == NULL || strlen(mark) < MARK) fail("not an answer: %.600s", text);
  if (read_digits(mark + 1) != answered + 1) fail("answers out of order: %.600s", text);
  answered++;
  if (measuring) count_latency(&latencies, read_at - sent_at[answered % RING]);
}

static void read_answers(int fd) {
  static char buffer[READ_SIZE];
  ssize_t got = read(fd, buffer, sizeof buffer);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) fail("disconnected after %llu answers", (unsigned long long)answered);
  read_at = now_ns();
  unframe(&framing, buffer, (size_t)got, take_answer, NULL);
  if (framing.state == FRAMING_ENDED) fail("closed after %llu answers", (unsigned long long)answered);
}

int main(int count, char **words) {
  read_options(count, words, OPTIONS);
  if (unanswered < 1 || unanswered >= RING) fail("--unanswered is 1 to %d", RING - 1);
  prepare_letter();
  int fd = dial(port), epoll = epoll_create1(EPOLL_CLOEXEC);
  open_stream(fd, true, path, headers, &framing, take_answer, NULL);
  do_not_block(fd);
  struct epoll_event interest = {.events = EPOLLIN};
  epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &interest);
  uint64_t began = now_ns(), measure_at = began + seconds_to_ns(warm_up), end_at = measure_at + seconds_to_ns(seconds);
  uint64_t base = 0, now = began;
  for (; now < end_at; now = now_ns()) {
    if (!measuring && now >= measure_at) {
      measuring = true;
      measure_at = now;
      base = answered;
    }
    while (sent - answered < (uint64_t)unanswered) queue_next();
    flush_outbox(fd);
    // Woken when there is room only while there is something to write: it would never sleep otherwise.
    interest.events = outbox_length > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN;
    epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &interest);
    struct epoll_event event;
    if (epoll_wait(epoll, &event, 1, 20) == 1 && (event.events & ~(uint32_t)EPOLLOUT) != 0) read_answers(fd);
  }
  double took = (double)(now - measure_at) / 1e9, answers = (double)(answered - base);
  measuring = false;
  // What is under way is waited for, so that the next run begins with an idle server; it does not count.
  while (answered < sent) {
    if (now_ns() > now + seconds_to_ns(30)) fail("%llu messages unanswered", (unsigned long long)(sent - answered));
    flush_outbox(fd);
    struct epoll_event event;
    if (epoll_wait(epoll, &event, 1, 1) == 1) read_answers(fd);
  }
  printf("{\"events_per_second\":%.0f,\"batches_per_second\":%.0f,", answers * (double)batch / took, answers / took);
  print_latencies(&latencies);
  printf(",\"seconds\":%.3f,\"events\":%llu}\n", took, (unsigned long long)numbered);
  return 0;
}
