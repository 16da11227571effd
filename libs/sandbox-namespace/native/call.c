/*
 * One call: a program or a shell, its output, its limits, its end. Calls end completely: when the main process is over, every other process of
 * the sandbox is killed and reaped before the result is sent, so nothing runs outside of a call.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sallyport.h"

enum {
  PUMP_BYTES = 64 * 1024,
  SAVE_GRACE_US = 500 * 1000, /* what a shell has to write its state after a timeout */
  SAVE_CHECK_MS = 5,
  REAP_US_MAX = 10 * 1000 * 1000,
  CHILD_OOM_SCORE = 800, /* the kernel takes a call's processes before the agent */
};

enum cause { CAUSE_ENDED = 0, CAUSE_TIMEOUT = 1, CAUSE_CANCELLED = 2 };

struct program {
  char *const *argv;
  char *const *env;
  const char *cwd;
  int stdin_fd; /* -1: /dev/null */
  int state_fd; /* these three: -1 but for a shell */
  int command_fd;
  int save_fd;
  bool is_self; /* the probe, which is this program */
};

struct output {
  int pipe;
  bool is_open;
  bool is_discarded;
  uint64_t head_left_bytes;
  uint8_t *tail; /* ring */
  size_t tail_bytes_max;
  uint64_t after_head_bytes;
};

struct call {
  struct agent *agent;
  uint32_t id;
  struct output output;
  pid_t pid;
  int status;
  bool is_over;
  enum cause cause;
  int64_t started_us;
  int64_t deadline_us;
};

/* --- in the child -------------------------------------------------------------------------------------------------------------- */

static void place(int fd, int number) {
  if (fd == number) fcntl(fd, F_SETFD, 0);
  else if (dup2(fd, number) != number) _exit(126);
}

static void limit_processes(uint32_t processes_max) {
  struct rlimit now;
  if (getrlimit(RLIMIT_NPROC, &now) != 0) _exit(126);
  rlim_t wanted = processes_max;
  if (now.rlim_max != RLIM_INFINITY && wanted > now.rlim_max) wanted = now.rlim_max;
  now = (struct rlimit){.rlim_cur = wanted, .rlim_max = wanted};
  if (setrlimit(RLIMIT_NPROC, &now) != 0) _exit(126);
}

static void be_first_to_go(void) {
  char text[16];
  int bytes = snprintf(text, sizeof text, "%d", CHILD_OOM_SCORE);
  int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, text, (size_t)bytes) != bytes) _exit(126);
  close(fd);
}

/* Where the program is, as execvpe(3) would look, but in the PATH of the environment that it gets. */
static void exec_in_path(const struct program *program) {
  const char *name = program->argv[0];
  if (strchr(name, '/') != NULL) {
    execve(name, program->argv, program->env);
    return;
  }
  const char *path = "/usr/local/bin:/usr/bin:/bin";
  for (char *const *entry = program->env; *entry != NULL; entry++)
    if (strncmp(*entry, "PATH=", 5) == 0) path = *entry + 5;
  int seen = ENOENT;
  for (const char *at = path; *at != '\0';) {
    size_t bytes = strcspn(at, ":");
    char file[4096];
    if (bytes > 0 && snprintf(file, sizeof file, "%.*s/%s", (int)bytes, at, name) < (int)sizeof file) {
      execve(file, program->argv, program->env);
      if (errno != ENOENT && errno != ENOTDIR) seen = errno;
    }
    at += bytes + (at[bytes] == ':' ? 1 : 0);
  }
  errno = seen;
}

static _Noreturn void become(const struct agent *agent, const struct program *program, int output) {
  /* No other process of the session runs now; from here on one that does could read this one. */
  close(agent->in);
  close(agent->out);
  prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  setsid();
  if (program->stdin_fd >= 0) place(program->stdin_fd, 0);
  place(output, 1);
  place(output, 2);
  if (program->state_fd >= 0) {
    place(program->state_fd, SHELL_STATE_FD);
    place(program->command_fd, SHELL_COMMAND_FD);
    place(program->save_fd, SHELL_SAVE_FD);
  }
  be_first_to_go();
  limit_processes(agent->processes_max);
  signal(SIGPIPE, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  if (chdir(program->cwd) != 0) {
    dprintf(2, "sallyport: cannot enter %s: %s\n", program->cwd, strerror(errno));
    _exit(126);
  }
  if (program->is_self) execve("/proc/self/exe", program->argv, program->env);
  else exec_in_path(program);
  int error = errno;
  dprintf(2, "sallyport: cannot run %s: %s\n", program->argv[0], strerror(error));
  _exit(error == ENOENT ? 127 : 126);
}

/* --- output --------------------------------------------------------------------------------------------------------------------- */

static void add_output(struct call *call, const uint8_t *data, size_t bytes) {
  struct output *output = &call->output;
  size_t head = bytes < output->head_left_bytes ? bytes : (size_t)output->head_left_bytes;
  if (head > 0) frames_send(call->agent->out, REPLY_OUTPUT, call->id, data, head);
  output->head_left_bytes -= head;
  for (size_t at = head; at < bytes;) {
    if (output->tail_bytes_max == 0) {
      output->after_head_bytes += bytes - at;
      break;
    }
    size_t place = (size_t)(output->after_head_bytes % output->tail_bytes_max);
    size_t step = bytes - at < output->tail_bytes_max - place ? bytes - at : output->tail_bytes_max - place;
    memcpy(output->tail + place, data + at, step);
    output->after_head_bytes += step;
    at += step;
  }
}

/* One read(2). False where there is nothing to read now, or nothing any more. */
static bool pump(struct call *call) {
  static uint8_t buffer[PUMP_BYTES];
  ssize_t got = read(call->output.pipe, buffer, sizeof buffer);
  if (got < 0) return errno == EINTR;
  if (got == 0) {
    call->output.is_open = false;
    return false;
  }
  if (!call->output.is_discarded) add_output(call, buffer, (size_t)got);
  return true;
}

static void send_tail(struct call *call, uint64_t kept) {
  struct output *output = &call->output;
  for (uint64_t sent = 0; sent < kept;) {
    size_t place = (size_t)((output->after_head_bytes - kept + sent) % output->tail_bytes_max);
    uint64_t step = kept - sent;
    if (step > output->tail_bytes_max - place) step = output->tail_bytes_max - place;
    if (step > PUMP_BYTES) step = PUMP_BYTES;
    frames_send(call->agent->out, REPLY_TAIL, call->id, output->tail + place, (size_t)step);
    sent += step;
  }
}

static void send_ended(struct call *call) {
  struct output *output = &call->output;
  uint64_t kept = output->after_head_bytes < output->tail_bytes_max ? output->after_head_bytes : output->tail_bytes_max;
  send_tail(call, kept);
  uint8_t body[32];
  uint8_t *at = put_u32(body, (uint32_t)call->cause);
  at = put_u32(at, WIFSIGNALED(call->status) ? (uint32_t)WTERMSIG(call->status) : 0);
  at = put_u32(at, WIFEXITED(call->status) ? (uint32_t)WEXITSTATUS(call->status) : 128u + (uint32_t)WTERMSIG(call->status));
  at = put_u64(at, output->after_head_bytes - kept);
  at = put_u64(at, (uint64_t)(now_us() - call->started_us));
  frames_send(call->agent->out, REPLY_ENDED, call->id, body, (size_t)(at - body));
}

/* --- processes ------------------------------------------------------------------------------------------------------------------ */

/* True once there is no child left. */
static bool reap(pid_t main_pid, int *main_status, bool *main_reaped) {
  for (;;) {
    int status;
    pid_t pid = waitpid(-1, &status, WNOHANG | __WALL);
    if (pid < 0 && errno != EINTR) return true;
    if (pid == 0) return false;
    if (pid == main_pid) {
      *main_status = status;
      *main_reaped = true;
    }
  }
}

void end_all_processes(pid_t main_pid, int *main_status, bool *main_reaped) {
  if (getpid() != 1) protocol_error("it is not the first process");
  /* One kill(-1) is complete: the kernel lets no fork finish between the signal and its delivery. */
  kill(-1, SIGKILL);
  for (int64_t until = now_us() + REAP_US_MAX; !reap(main_pid, main_status, main_reaped);) {
    if (now_us() > until) protocol_error("processes of a call do not end");
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    sigtimedwait(&child, NULL, &pause);
  }
}

static void end_all_but(pid_t spared) {
  DIR *processes = opendir("/proc");
  if (processes == NULL) return;
  for (struct dirent *entry; (entry = readdir(processes)) != NULL;) {
    if (!isdigit((unsigned char)entry->d_name[0])) continue;
    pid_t pid = (pid_t)atoi(entry->d_name);
    if (pid > 1 && pid != spared) kill(pid, SIGKILL);
  }
  closedir(processes);
}

/* --- the loop ------------------------------------------------------------------------------------------------------------------- */

static void take_frames(struct call *call) {
  struct agent *agent = call->agent;
  for (struct frame frame; frames_next(&agent->reader, &frame);) {
    if (frame.type == REQUEST_SHUTDOWN) _exit(0);
    else if (frame.type != REQUEST_CANCEL) protocol_error("a request during a call");
    else if (frame.call == call->id && call->cause == CAUSE_ENDED) call->cause = CAUSE_CANCELLED;
  }
}

static void serve_during_call(struct call *call) {
  if (!frames_read(&call->agent->reader)) _exit(0);
  take_frames(call);
}

/* Returns once the main process is over, its time is up, or the host has cancelled it. */
static void follow(struct call *call) {
  struct agent *agent = call->agent;
  take_frames(call); /* a cancellation may have been read together with the call */
  while (!call->is_over && call->cause == CAUSE_ENDED) {
    int64_t left_us = call->deadline_us - now_us();
    if (left_us <= 0) {
      call->cause = CAUSE_TIMEOUT;
      return;
    }
    struct pollfd watched[3] = {
        {.fd = agent->in, .events = POLLIN},
        {.fd = agent->signals, .events = POLLIN},
        {.fd = call->output.is_open ? call->output.pipe : -1, .events = POLLIN},
    };
    int64_t wait_ms = left_us / 1000 + 1;
    if (poll(watched, 3, wait_ms > 60000 ? 60000 : (int)wait_ms) < 0) continue;
    if (watched[2].revents != 0) pump(call);
    if (watched[1].revents != 0) {
      struct signalfd_siginfo info[8];
      while (read(agent->signals, info, sizeof info) > 0) continue;
      reap(call->pid, &call->status, &call->is_over);
    }
    if (watched[0].revents != 0) serve_during_call(call);
  }
}

/* Ends all but the shell itself, which its signal then makes write the state. */
static void let_shell_save(struct call *call) {
  kill(call->pid, SIGTERM); /* once: another one would end the trap that writes */
  for (int64_t until = now_us() + SAVE_GRACE_US; !call->is_over && now_us() < until;) {
    end_all_but(call->pid);
    struct pollfd watched[2] = {{.fd = call->agent->signals, .events = POLLIN},
                                {.fd = call->output.is_open ? call->output.pipe : -1, .events = POLLIN}};
    poll(watched, 2, SAVE_CHECK_MS);
    if (watched[1].revents != 0) pump(call);
    struct signalfd_siginfo info[8];
    while (read(call->agent->signals, info, sizeof info) > 0) continue;
    reap(call->pid, &call->status, &call->is_over);
  }
}

static void start(struct call *call, const struct program *program) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) protocol_error("no pipe");
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  call->output.pipe = ends[0];
  call->output.is_open = true;
  call->pid = fork();
  if (call->pid == 0) become(call->agent, program, ends[1]);
  close(ends[1]);
  if (call->pid < 0) { /* a limit of the session, which it sees as what it is */
    static const char text[] = "sallyport: cannot start a process: the sandbox is at its limits\n";
    add_output(call, (const uint8_t *)text, sizeof text - 1);
    call->is_over = true;
    call->status = 126 << 8;
  }
}

static void run(struct call *call, const struct program *program, int64_t timeout_us) {
  call->started_us = now_us();
  call->deadline_us = call->started_us + timeout_us;
  call->output.tail = malloc(call->output.tail_bytes_max + 1);
  if (call->output.tail == NULL) protocol_error("no memory for output");
  start(call, program);
  if (program->stdin_fd >= 0) close(program->stdin_fd);
  follow(call);
  if (!call->is_over) {
    while (pump(call)) continue; /* what it has said so far; the noise of its end is dropped */
    call->output.is_discarded = true;
    if (program->save_fd >= 0) let_shell_save(call);
  }
  end_all_processes(call->pid, &call->status, &call->is_over);
  while (call->output.is_open && pump(call)) continue;
  call->output.is_discarded = false;
}

static void finish(struct call *call) {
  send_ended(call);
  close(call->output.pipe);
  free(call->output.tail);
}

static struct call call_of(struct agent *agent, const struct frame *frame, struct cursor *cursor, int64_t *timeout_us) {
  struct call call = {.agent = agent, .id = frame->call, .cause = CAUSE_ENDED};
  *timeout_us = (int64_t)take_u32(cursor) * 1000;
  call.output.head_left_bytes = take_u32(cursor);
  call.output.tail_bytes_max = take_u32(cursor);
  if (call.output.head_left_bytes > OUTPUT_HEAD_BYTES_MAX || call.output.tail_bytes_max > OUTPUT_TAIL_BYTES_MAX)
    protocol_error("the output limits of a call");
  return call;
}

static void run_program(struct agent *agent, const struct frame *frame, bool is_self) {
  struct cursor cursor = cursor_of(frame);
  int64_t timeout_us;
  struct call call = call_of(agent, frame, &cursor, &timeout_us);
  const char *cwd = take_string(&cursor);
  char **argv = take_strings(&cursor);
  char **env = take_strings(&cursor);
  if (cursor.bad || argv[0] == NULL) protocol_error("a program that cannot be read");
  struct program program = {.argv = argv,
                            .env = env,
                            .cwd = cwd,
                            .stdin_fd = take_blob(agent),
                            .state_fd = -1,
                            .command_fd = -1,
                            .save_fd = -1,
                            .is_self = is_self};
  run(&call, &program, timeout_us);
  finish(&call);
  free(argv);
  free(env);
}

void run_exec(struct agent *agent, const struct frame *frame) { run_program(agent, frame, false); }

void run_probe(struct agent *agent, const struct frame *frame) { run_program(agent, frame, true); }

void run_shell(struct agent *agent, const struct frame *frame) {
  struct cursor cursor = cursor_of(frame);
  int64_t timeout_us;
  struct call call = call_of(agent, frame, &cursor, &timeout_us);
  int command = take_blob(agent);
  int sink = open_state_sink();
  if (cursor.bad || command < 0 || sink < 0) protocol_error("a command that cannot be read");
  lseek(agent->state, 0, SEEK_SET);
  char *const argv[] = {"bash", "--noprofile", "--norc", "-c", (char *)(uintptr_t)shell_prologue, "bash", NULL};
  /* The state holds the environment too, with what the session has removed from it. */
  char *const no_env[] = {NULL};
  struct program program = {.argv = argv,
                            .env = agent->has_state ? no_env : agent->base_env,
                            .cwd = "/workspace",
                            .stdin_fd = -1,
                            .state_fd = agent->state,
                            .command_fd = command,
                            .save_fd = sink};
  run(&call, &program, timeout_us);
  if (keep_state(agent, sink) == STATE_TOO_LARGE) {
    static const char text[] =
        "\n[sallyport: variables and functions are more than 1 MiB: the shell is as it was before this command]\n";
    add_output(&call, (const uint8_t *)text, sizeof text - 1);
  }
  close(command);
  close(sink);
  finish(&call);
}
