// What the generators send, and how they know it again: `{"n":"~00000042","pad":"xxx"}`, a number and padding.
#pragma once
#include "base.h"

enum { DIGITS = 8, MARK = 1 + DIGITS };

static const char PAYLOAD_OPEN[] = "{\"n\":\"~00000000\",\"pad\":\"", PAYLOAD_CLOSE[] = "\"}";

// Room for a payload of `size` bytes; a smaller size than that of an empty padding is rounded up to it.
static inline size_t payload_length(size_t size) {
  size_t fixed = sizeof PAYLOAD_OPEN + sizeof PAYLOAD_CLOSE - 2;
  return size > fixed ? size : fixed;
}

static inline size_t write_payload(char *out, size_t size) {
  size_t length = payload_length(size), open = sizeof PAYLOAD_OPEN - 1, close = sizeof PAYLOAD_CLOSE - 1;
  memcpy(out, PAYLOAD_OPEN, open);
  memset(out + open, 'x', length - open - close);
  memcpy(out + length - close, PAYLOAD_CLOSE, close);
  return length;
}

// Where the digits of the first payload in `bytes` stand.
static inline char *find_digits(char *bytes, size_t length) {
  char *mark = memmem(bytes, length, "~00000000", MARK);
  if (mark == NULL) fail("no payload to number");
  return mark + 1;
}

static inline void write_digits(char *digits, uint64_t number) {
  for (int i = DIGITS - 1; i >= 0; i--, number /= 10) digits[i] = (char)('0' + number % 10);
}

// 0 if these are not digits.
static inline uint64_t read_digits(const char *digits) {
  uint64_t number = 0;
  for (int i = 0; i < DIGITS; i++) {
    if (digits[i] < '0' || digits[i] > '9') return 0;
    number = number * 10 + (uint64_t)(digits[i] - '0');
  }
  return number;
}
