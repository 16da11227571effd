/* What the modes of this program share. README.md beside package.json documents the frames; src/agent-frames.ts is the other end. */
#ifndef SALLYPORT_H
#define SALLYPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

int launch_main(int argc, char **argv);
int agent_main(void);
int probe_main(int argc, char **argv);

/* Prints "sallyport: WHAT OBJECT: errno" to standard error and exits with 70. */
_Noreturn void fail(const char *what, const char *object);
int64_t now_us(void);
/* The deny list holds for this process and for all it starts. Needs no_new_privs. */
void install_seccomp(void);

/* --- frames ------------------------------------------------------------------------------------------------------------------ */

enum {
  PROTOCOL_VERSION = 1,
  FRAME_HEADER_BYTES = 9, /* u32 length of what follows, u8 type, u32 call; little endian */
  FRAME_BODY_BYTES_MAX = 256 * 1024,
};

enum request_type {
  REQUEST_SETUP = 1,
  REQUEST_BLOB = 2,
  REQUEST_EXEC = 3,
  REQUEST_SHELL = 4,
  REQUEST_CANCEL = 5,
  REQUEST_RESTART = 6,
  REQUEST_READ = 7,
  REQUEST_WRITE = 8,
  REQUEST_WALK = 9,
  REQUEST_SHUTDOWN = 11,
  REQUEST_PROBE = 12,
};

enum reply_type {
  REPLY_READY = 64,
  REPLY_OUTPUT = 65,
  REPLY_TAIL = 66,
  REPLY_ENDED = 67,
  REPLY_DATA = 68,
  REPLY_ENTRIES = 69,
  REPLY_DONE = 70,
  REPLY_FAILED = 71,
};

struct frame {
  uint8_t type;
  uint32_t call;
  const uint8_t *body; /* inside the reader's buffer: gone at the next frames_read */
  size_t body_bytes;
};

struct frame_reader {
  int fd;
  uint8_t *buffer;
  size_t used_bytes;
  size_t taken_bytes;
};

void frames_open(struct frame_reader *reader, int fd);
/* One read(2). False at the end of the stream. */
bool frames_read(struct frame_reader *reader);
/* The next whole frame of those that were read; false where there is none. */
bool frames_next(struct frame_reader *reader, struct frame *frame);
/* Blocks until the host has taken it: a host that does not read stops us, not our memory. */
void frames_send(int fd, uint8_t type, uint32_t call, const void *body, size_t body_bytes);

/* Reads the fields of a body. After a field that does not fit, `bad` stays set and fields are zero or empty. */
struct cursor {
  const uint8_t *at;
  const uint8_t *end;
  bool bad;
};

struct cursor cursor_of(const struct frame *frame);
uint32_t take_u32(struct cursor *cursor);
uint64_t take_u64(struct cursor *cursor);
/* A string is u32 length, its bytes without NUL, and one NUL. */
const char *take_string(struct cursor *cursor);
/* u32 count and strings; NULL-terminated array to free(3). */
char **take_strings(struct cursor *cursor);

uint8_t *put_u32(uint8_t *at, uint32_t value);
uint8_t *put_u64(uint8_t *at, uint64_t value);

/* --- the agent ---------------------------------------------------------------------------------------------------------------- */

enum {
  BLOB_BYTES_MAX = 64 * 1024 * 1024,
  OUTPUT_HEAD_BYTES_MAX = 1024 * 1024,
  OUTPUT_TAIL_BYTES_MAX = 1024 * 1024,
  STATE_BYTES_MAX = 1024 * 1024,
};

struct agent {
  int in;  /* frames from the host; close-on-exec, never seen by a child */
  int out; /* frames to the host; the same */
  int signals;
  struct frame_reader reader;
  bool is_set_up;
  uint32_t processes_max;
  char **base_env; /* NULL-terminated; what the shell starts with as long as it has no state */
  int blob;        /* memfd of the bytes that the next request takes, or -1 */
  uint64_t blob_bytes;
  int state; /* memfd with the script that brings the shell's state back */
  bool has_state;
};

/* Runs a program or a command to its end, and everything it started with it. */
void run_exec(struct agent *agent, const struct frame *frame);
void run_shell(struct agent *agent, const struct frame *frame);
void run_probe(struct agent *agent, const struct frame *frame);
/* Ends every process of the sandbox but this one, and reaps them all. */
void end_all_processes(pid_t main_pid, int *main_status, bool *main_reaped);

void serve_read(struct agent *agent, const struct frame *frame);
void serve_write(struct agent *agent, const struct frame *frame);
void serve_walk(struct agent *agent, const struct frame *frame);

/* The blob as a memfd at its start, which becomes the caller's; -1 where there is none. */
int take_blob(struct agent *agent);
_Noreturn void protocol_error(const char *what);

/* --- the shell's state -------------------------------------------------------------------------------------------------------- */

enum { SHELL_SAVE_FD = 240, SHELL_STATE_FD = 241, SHELL_COMMAND_FD = 242 };

enum saved_state { STATE_SAVED, STATE_NOT_WRITTEN, STATE_TOO_LARGE };

extern const char *const shell_prologue;
/* A memfd with what a shell starts from that has no state yet. */
int first_state(void);
/* A memfd that takes at most STATE_BYTES_MAX. */
int open_state_sink(void);
/* Replaces the agent's state by what the shell has written, where that is whole. */
enum saved_state keep_state(struct agent *agent, int sink);

#endif
