#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "sallyport.h"

enum { READER_BYTES = FRAME_BODY_BYTES_MAX + FRAME_HEADER_BYTES };

void frames_open(struct frame_reader *reader, int fd) {
  *reader = (struct frame_reader){.fd = fd, .buffer = malloc(READER_BYTES)};
  if (reader->buffer == NULL) protocol_error("no memory for frames");
}

bool frames_read(struct frame_reader *reader) {
  memmove(reader->buffer, reader->buffer + reader->taken_bytes, reader->used_bytes - reader->taken_bytes);
  reader->used_bytes -= reader->taken_bytes;
  reader->taken_bytes = 0;
  ssize_t got;
  do got = read(reader->fd, reader->buffer + reader->used_bytes, READER_BYTES - reader->used_bytes);
  while (got < 0 && errno == EINTR);
  if (got <= 0) return false;
  reader->used_bytes += (size_t)got;
  return true;
}

static uint32_t u32_at(const uint8_t *at) {
  return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

bool frames_next(struct frame_reader *reader, struct frame *frame) {
  const uint8_t *at = reader->buffer + reader->taken_bytes;
  size_t left = reader->used_bytes - reader->taken_bytes;
  if (left < FRAME_HEADER_BYTES) return false;
  uint32_t length = u32_at(at);
  if (length < FRAME_HEADER_BYTES - 4 || length > FRAME_BODY_BYTES_MAX + FRAME_HEADER_BYTES - 4)
    protocol_error("a frame's length");
  if (left < (size_t)length + 4) return false;
  *frame = (struct frame){
      .type = at[4], .call = u32_at(at + 5), .body = at + FRAME_HEADER_BYTES, .body_bytes = (size_t)length + 4 - FRAME_HEADER_BYTES};
  reader->taken_bytes += (size_t)length + 4;
  return true;
}

void frames_send(int fd, uint8_t type, uint32_t call, const void *body, size_t body_bytes) {
  uint8_t header[FRAME_HEADER_BYTES];
  uint8_t *at = put_u32(header, (uint32_t)(body_bytes + FRAME_HEADER_BYTES - 4));
  *at++ = type;
  put_u32(at, call);
  struct iovec parts[2] = {{.iov_base = header, .iov_len = sizeof header}, {.iov_base = (void *)(uintptr_t)body, .iov_len = body_bytes}};
  size_t left = sizeof header + body_bytes;
  while (left > 0) {
    ssize_t sent = writev(fd, parts, 2);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) _exit(0); /* the host is gone; the sandbox goes with its first process */
    left -= (size_t)sent;
    for (int part = 0; part < 2; part++) {
      size_t step = (size_t)sent < parts[part].iov_len ? (size_t)sent : parts[part].iov_len;
      parts[part].iov_base = (uint8_t *)parts[part].iov_base + step;
      parts[part].iov_len -= step;
      sent -= (ssize_t)step;
    }
  }
}

struct cursor cursor_of(const struct frame *frame) {
  return (struct cursor){.at = frame->body, .end = frame->body + frame->body_bytes};
}

uint32_t take_u32(struct cursor *cursor) {
  if (cursor->bad || cursor->end - cursor->at < 4) {
    cursor->bad = true;
    return 0;
  }
  uint32_t value = u32_at(cursor->at);
  cursor->at += 4;
  return value;
}

uint64_t take_u64(struct cursor *cursor) {
  uint64_t low = take_u32(cursor);
  return low | (uint64_t)take_u32(cursor) << 32;
}

const char *take_string(struct cursor *cursor) {
  uint32_t bytes = take_u32(cursor);
  if (cursor->bad || (size_t)(cursor->end - cursor->at) < (size_t)bytes + 1 || memchr(cursor->at, 0, (size_t)bytes + 1) != cursor->at + bytes) {
    cursor->bad = true;
    return "";
  }
  const char *text = (const char *)cursor->at;
  cursor->at += (size_t)bytes + 1;
  return text;
}

char **take_strings(struct cursor *cursor) {
  uint32_t count = take_u32(cursor);
  if ((size_t)count > (size_t)(cursor->end - cursor->at) / 5) {
    cursor->bad = true;
    count = 0;
  }
  char **strings = calloc((size_t)count + 1, sizeof *strings);
  if (strings == NULL) protocol_error("no memory for strings");
  for (uint32_t index = 0; index < count; index++) strings[index] = (char *)(uintptr_t)take_string(cursor);
  return strings;
}

uint8_t *put_u32(uint8_t *at, uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) *at++ = (uint8_t)(value >> shift);
  return at;
}

uint8_t *put_u64(uint8_t *at, uint64_t value) {
  return put_u32(put_u32(at, (uint32_t)value), (uint32_t)(value >> 32));
}
