/*
 * The first process of a sandbox. It answers frames on its standard input and output, starts what a call asks for, and reaps whatever its
 * calls leave behind. It cannot be killed, traced or read from inside: the kernel protects the first process of a pid namespace from signals
 * of its own namespace, and it is not dumpable.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sallyport.h"

enum { PROTOCOL_FD_MIN = 100 };

_Noreturn void protocol_error(const char *what) {
  fprintf(stderr, "sallyport: the agent ends: %s\n", what);
  _exit(71);
}

/* Out of the way of the numbers that children use, and never inherited. */
static int move_away(int fd) {
  int moved = fcntl(fd, F_DUPFD_CLOEXEC, PROTOCOL_FD_MIN);
  if (moved < 0) protocol_error("no descriptors");
  return moved;
}

static void open_protocol(struct agent *agent) {
  syscall(SYS_close_range, 3u, ~0u, 0u);
  agent->in = move_away(0);
  agent->out = move_away(1);
  int errors = move_away(2);
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) protocol_error("no /dev/null");
  for (int fd = 0; fd < 2; fd++) dup2(null, fd);
  dup3(errors, 2, O_CLOEXEC);
  close(errors);
  close(null);
  frames_open(&agent->reader, agent->in);
}

static void open_signals(struct agent *agent) {
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigprocmask(SIG_SETMASK, &child, NULL);
  agent->signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
  if (agent->signals < 0) protocol_error("no signalfd");
  signal(SIGPIPE, SIG_IGN);
}

int take_blob(struct agent *agent) {
  int blob = agent->blob;
  agent->blob = -1;
  agent->blob_bytes = 0;
  if (blob >= 0) lseek(blob, 0, SEEK_SET);
  return blob;
}

static void add_to_blob(struct agent *agent, const struct frame *frame) {
  if (agent->blob < 0) agent->blob = memfd_create("sallyport-blob", MFD_CLOEXEC);
  agent->blob_bytes += frame->body_bytes;
  if (agent->blob < 0 || agent->blob_bytes > BLOB_BYTES_MAX) protocol_error("the blob is too large");
  for (size_t done = 0; done < frame->body_bytes;) {
    ssize_t wrote = write(agent->blob, frame->body + done, frame->body_bytes - done);
    if (wrote <= 0) protocol_error("the blob could not be kept");
    done += (size_t)wrote;
  }
}

static void set_up(struct agent *agent, const struct frame *frame) {
  /* The strings outlive the reader's buffer. */
  uint8_t *copy = malloc(frame->body_bytes + 1);
  if (copy == NULL || agent->is_set_up) protocol_error("a second set-up");
  memcpy(copy, frame->body, frame->body_bytes);
  struct cursor cursor = {.at = copy, .end = copy + frame->body_bytes};
  agent->processes_max = take_u32(&cursor);
  agent->base_env = take_strings(&cursor);
  if (cursor.bad) protocol_error("a set-up that cannot be read");
  if (access("/bin/bash", X_OK) != 0) protocol_error("there is no /bin/bash in the sandbox: install bash on the host");
  install_seccomp();
  agent->is_set_up = true;
  uint8_t version[4];
  put_u32(version, PROTOCOL_VERSION);
  frames_send(agent->out, REPLY_READY, frame->call, version, sizeof version);
}

static void restart(struct agent *agent, const struct frame *frame) {
  int status = 0;
  bool reaped = true;
  end_all_processes(0, &status, &reaped);
  close(agent->state);
  agent->state = first_state();
  agent->has_state = false;
  frames_send(agent->out, REPLY_DONE, frame->call, NULL, 0);
}

static void serve(struct agent *agent, const struct frame *frame) {
  if (!agent->is_set_up && frame->type != REQUEST_SETUP) protocol_error("a request before the set-up");
  switch (frame->type) {
    case REQUEST_SETUP: set_up(agent, frame); break;
    case REQUEST_BLOB: add_to_blob(agent, frame); break;
    case REQUEST_EXEC: run_exec(agent, frame); break;
    case REQUEST_SHELL: run_shell(agent, frame); break;
    case REQUEST_PROBE: run_probe(agent, frame); break;
    case REQUEST_CANCEL: break; /* the call ended while the request was under way */
    case REQUEST_RESTART: restart(agent, frame); break;
    case REQUEST_READ: serve_read(agent, frame); break;
    case REQUEST_WRITE: serve_write(agent, frame); break;
    case REQUEST_WALK: serve_walk(agent, frame); break;
    case REQUEST_SHUTDOWN: _exit(0);
    default: protocol_error("an unknown request");
  }
}

int agent_main(void) {
  /* kill(-1) is how calls end; anywhere but in a pid namespace of our own it would end the user's session. */
  if (getpid() != 1) protocol_error("it must be the first process of a pid namespace");
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) protocol_error("it stays dumpable");
  umask(022);
  struct agent agent = {.blob = -1};
  open_protocol(&agent);
  agent.state = first_state();
  open_signals(&agent);
  for (;;) {
    struct frame frame;
    while (frames_next(&agent.reader, &frame)) serve(&agent, &frame);
    if (!frames_read(&agent.reader)) _exit(0); /* the executor is gone */
  }
}
