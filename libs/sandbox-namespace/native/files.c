/*
 * Files, read and written by the agent, which has no more rights than the session. Paths are resolved here, inside the sandbox, so a link leads
 * nowhere else. They must lie in one of the roots; what changes between the check and the use gains the session nothing that it does not have.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sallyport.h"

enum {
  WALK_DEPTH_MAX = 64, /* a directory that is walked is an open descriptor */
  WALK_BATCH_BYTES = 64 * 1024,
  COPY_BYTES = 64 * 1024,
};

enum entry_type { ENTRY_FILE = 1, ENTRY_DIRECTORY = 2, ENTRY_LINK = 3, ENTRY_OTHER = 4 };

static const char *const roots[] = {"/workspace", "/tmp"};

static void refuse(struct agent *agent, const struct frame *frame, int error) {
  uint8_t body[4];
  put_u32(body, (uint32_t)error);
  frames_send(agent->out, REPLY_FAILED, frame->call, body, sizeof body);
}

static void answer_done(struct agent *agent, const struct frame *frame, uint64_t value) {
  uint8_t body[8];
  put_u64(body, value);
  frames_send(agent->out, REPLY_DONE, frame->call, body, sizeof body);
}

static bool is_in_roots(const char *path) {
  for (size_t index = 0; index < sizeof roots / sizeof *roots; index++) {
    size_t bytes = strlen(roots[index]);
    if (strncmp(path, roots[index], bytes) == 0 && (path[bytes] == '/' || path[bytes] == '\0')) return true;
  }
  return false;
}

/* 0, or an errno: EXDEV where the path leads out of the roots. */
static int resolve(const char *path, char resolved[PATH_MAX]) {
  if (path[0] != '/') return EINVAL;
  if (realpath(path, resolved) == NULL) return errno;
  return is_in_roots(resolved) ? 0 : EXDEV;
}

/* --- read ------------------------------------------------------------------------------------------------------------------------ */

static int open_regular(const char *path, struct stat *status, int *fd) {
  char resolved[PATH_MAX];
  int error = resolve(path, resolved);
  if (error != 0) return error;
  *fd = open(resolved, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK); /* a FIFO must not hold us */
  if (*fd < 0) return errno;
  if (fstat(*fd, status) != 0) error = errno;
  else if (S_ISDIR(status->st_mode)) error = EISDIR;
  else if (!S_ISREG(status->st_mode)) error = EINVAL;
  if (error != 0) close(*fd);
  return error;
}

void serve_read(struct agent *agent, const struct frame *frame) {
  static uint8_t buffer[FRAME_BODY_BYTES_MAX];
  struct cursor cursor = cursor_of(frame);
  const char *path = take_string(&cursor);
  uint64_t offset = take_u64(&cursor);
  uint32_t left = take_u32(&cursor);
  if (cursor.bad) protocol_error("a read that cannot be read");
  struct stat status;
  int fd;
  int error = open_regular(path, &status, &fd);
  if (error != 0) return refuse(agent, frame, error);
  while (left > 0 && offset <= INT64_MAX) {
    ssize_t got = pread(fd, buffer, left < sizeof buffer ? left : sizeof buffer, (off_t)offset);
    if (got < 0) error = errno;
    if (got <= 0) break;
    frames_send(agent->out, REPLY_DATA, frame->call, buffer, (size_t)got);
    offset += (uint64_t)got;
    left -= (uint32_t)got;
  }
  close(fd);
  if (error != 0) refuse(agent, frame, error);
  else answer_done(agent, frame, (uint64_t)status.st_size);
}

/* --- write ----------------------------------------------------------------------------------------------------------------------- */

/* Makes what is missing of a directory, and resolves it. The part that is there decides whether it lies in the roots. */
static int make_directory(const char *path, char resolved[PATH_MAX]) {
  int error = resolve(path, resolved);
  if (error != ENOENT) return error;
  char parent[PATH_MAX];
  const char *slash = strrchr(path, '/');
  if (slash == NULL || slash == path) return EXDEV;
  const char *name = slash + 1;
  if (strcmp(name, "..") == 0) return ENOENT;
  snprintf(parent, sizeof parent, "%.*s", (int)(slash - path), path);
  error = make_directory(parent, resolved);
  if (error != 0 || *name == '\0' || strcmp(name, ".") == 0) return error;
  size_t bytes = strlen(resolved);
  if (bytes + 1 + strlen(name) >= PATH_MAX) return ENAMETOOLONG;
  snprintf(resolved + bytes, PATH_MAX - bytes, "/%s", name);
  return mkdir(resolved, 0755) != 0 && errno != EEXIST ? errno : 0;
}

/* Where the bytes go: the file that a link names, else the name in its directory, which is made. */
static int find_target(const char *path, char target[PATH_MAX], mode_t *mode) {
  struct stat status;
  size_t length = strlen(path);
  if (length >= PATH_MAX) return ENAMETOOLONG;
  if (path[0] != '/') return EINVAL;
  if (path[length - 1] == '/') return EISDIR;
  *mode = 0644;
  int error = resolve(path, target);
  if (error == 0) {
    if (stat(target, &status) != 0) return errno;
    if (S_ISDIR(status.st_mode)) return EISDIR;
    if (!S_ISREG(status.st_mode)) return EINVAL;
    *mode = status.st_mode & 0777;
    return 0;
  }
  if (error != ENOENT) return error;
  char parent[PATH_MAX];
  const char *slash = strrchr(path, '/');
  const char *name = slash + 1;
  if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) return EISDIR;
  snprintf(parent, sizeof parent, "%.*s", slash == path ? 1 : (int)(slash - path), path);
  error = make_directory(parent, target);
  if (error != 0) return error;
  size_t bytes = strlen(target);
  if (bytes + 1 + strlen(name) >= PATH_MAX) return ENAMETOOLONG;
  snprintf(target + bytes, PATH_MAX - bytes, "/%s", name);
  return 0;
}

static int copy_all(int from, int to) {
  static uint8_t buffer[COPY_BYTES];
  for (;;) {
    ssize_t got = from < 0 ? 0 : read(from, buffer, sizeof buffer);
    if (got < 0) return errno;
    if (got == 0) return 0;
    for (ssize_t done = 0; done < got;) {
      ssize_t wrote = write(to, buffer + done, (size_t)(got - done));
      if (wrote < 0) return errno;
      done += wrote;
    }
  }
}

static int write_atomically(const char *path, int content) {
  char target[PATH_MAX];
  char temporary[PATH_MAX];
  mode_t mode;
  int error = find_target(path, target, &mode);
  if (error != 0) return error;
  int directory_bytes = (int)(strrchr(target, '/') - target);
  if (snprintf(temporary, sizeof temporary, "%.*s/.sallyport-XXXXXX", directory_bytes, target) >= (int)sizeof temporary) return ENAMETOOLONG;
  int fd = mkostemp(temporary, O_CLOEXEC);
  if (fd < 0) return errno;
  error = copy_all(content, fd);
  if (error == 0 && fchmod(fd, mode) != 0) error = errno;
  if (close(fd) != 0 && error == 0) error = errno;
  if (error == 0 && rename(temporary, target) != 0) error = errno;
  if (error != 0) unlink(temporary);
  return error;
}

void serve_write(struct agent *agent, const struct frame *frame) {
  struct cursor cursor = cursor_of(frame);
  const char *path = take_string(&cursor);
  if (cursor.bad) protocol_error("a write that cannot be read");
  int content = take_blob(agent);
  int error = write_atomically(path, content);
  if (content >= 0) close(content);
  if (error != 0) refuse(agent, frame, error);
  else answer_done(agent, frame, 0);
}

/* --- walk ------------------------------------------------------------------------------------------------------------------------ */

struct walk {
  struct agent *agent;
  uint32_t call;
  uint32_t entries_left;
  bool is_truncated;
  uint8_t batch[WALK_BATCH_BYTES];
  size_t batch_bytes;
};

static void flush_entries(struct walk *walk) {
  if (walk->batch_bytes > 0) frames_send(walk->agent->out, REPLY_ENTRIES, walk->call, walk->batch, walk->batch_bytes);
  walk->batch_bytes = 0;
}

static void add_entry(struct walk *walk, const char *path, const struct stat *status) {
  size_t path_bytes = strlen(path);
  size_t bytes = 4 + 8 + 8 + 4 + path_bytes + 1;
  if (walk->batch_bytes + bytes > sizeof walk->batch) flush_entries(walk);
  enum entry_type type = S_ISREG(status->st_mode)   ? ENTRY_FILE
                         : S_ISDIR(status->st_mode) ? ENTRY_DIRECTORY
                         : S_ISLNK(status->st_mode) ? ENTRY_LINK
                                                    : ENTRY_OTHER;
  uint8_t *at = put_u32(walk->batch + walk->batch_bytes, (uint32_t)type);
  at = put_u64(at, (uint64_t)status->st_size);
  at = put_u64(at, (uint64_t)status->st_mtim.tv_sec * 1000000 + (uint64_t)status->st_mtim.tv_nsec / 1000);
  at = put_u32(at, (uint32_t)path_bytes);
  memcpy(at, path, path_bytes + 1);
  walk->batch_bytes += bytes;
}

/* `path` holds the directory's name relative to the start, and has room for the names below it. */
static void walk_directory(struct walk *walk, int fd, char path[PATH_MAX], int depth) {
  DIR *directory = fdopendir(fd);
  if (directory == NULL) {
    close(fd);
    return;
  }
  size_t prefix = strlen(path);
  for (struct dirent *entry; !walk->is_truncated && (entry = readdir(directory)) != NULL;) {
    struct stat status;
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    if (fstatat(fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (walk->entries_left == 0 || prefix + 1 + strlen(entry->d_name) >= PATH_MAX) {
      walk->is_truncated = true;
      break;
    }
    walk->entries_left--;
    snprintf(path + prefix, PATH_MAX - prefix, "%s%s", prefix == 0 ? "" : "/", entry->d_name);
    add_entry(walk, path, &status);
    if (S_ISDIR(status.st_mode)) {
      int below = depth < WALK_DEPTH_MAX ? openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
      if (below >= 0) walk_directory(walk, below, path, depth + 1);
      else if (depth >= WALK_DEPTH_MAX) walk->is_truncated = true;
    }
    path[prefix] = '\0';
  }
  closedir(directory);
}

void serve_walk(struct agent *agent, const struct frame *frame) {
  static struct walk walk;
  struct cursor cursor = cursor_of(frame);
  const char *start = take_string(&cursor);
  walk = (struct walk){.agent = agent, .call = frame->call, .entries_left = take_u32(&cursor)};
  if (cursor.bad) protocol_error("a walk that cannot be read");
  char resolved[PATH_MAX];
  int error = resolve(start, resolved);
  if (error != 0) return refuse(agent, frame, error);
  int fd = open(resolved, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return refuse(agent, frame, errno);
  char path[PATH_MAX] = "";
  walk_directory(&walk, fd, path, 0);
  flush_entries(&walk);
  answer_done(agent, frame, walk.is_truncated ? 1 : 0);
}
