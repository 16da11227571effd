/*
 * Runs on the host: gives up what the sandbox must not have, in the only order that works, and becomes bwrap. Root started bwrap would map
 * the session to root of the host, so the user is changed first.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sallyport.h"

static void join_cgroup(const char *directory) {
  char path[4096];
  if (snprintf(path, sizeof path, "%s/cgroup.procs", directory) >= (int)sizeof path) {
    errno = ENAMETOOLONG;
    fail("joining the control group", directory);
  }
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, "0", 1) != 1) fail("joining the control group", directory);
  close(fd);
}

static void cap_resource(int resource, rlim_t soft, rlim_t hard, const char *name) {
  struct rlimit now;
  if (getrlimit(resource, &now) != 0) fail("reading the limit", name);
  if (now.rlim_max != RLIM_INFINITY && hard > now.rlim_max) hard = now.rlim_max;
  struct rlimit wanted = {.rlim_cur = soft < hard ? soft : hard, .rlim_max = hard};
  if (setrlimit(resource, &wanted) != 0) fail("setting the limit", name);
}

static void cap_resources(void) {
  cap_resource(RLIMIT_CORE, 0, 0, "core");
  cap_resource(RLIMIT_NOFILE, 1024, 4096, "nofile");
  cap_resource(RLIMIT_MEMLOCK, 64 * 1024, 64 * 1024, "memlock");
  cap_resource(RLIMIT_MSGQUEUE, 0, 0, "msgqueue");
  cap_resource(RLIMIT_NICE, 0, 0, "nice");
  cap_resource(RLIMIT_RTPRIO, 0, 0, "rtprio");
  cap_resource(RLIMIT_SIGPENDING, 1024, 1024, "sigpending");
  /* RLIMIT_NPROC is set by the agent for its children: set out here it would also count what the executor's user runs on the host. */
}

static void change_user(const char *id_text) {
  char *end = NULL;
  unsigned long id = strtoul(id_text, &end, 10);
  if (*id_text == '\0' || *end != '\0' || id == 0 || id > 0xfffffffeul) {
    errno = EINVAL;
    fail("changing to the user", id_text);
  }
  if (setgroups(0, NULL) != 0 || setresgid((gid_t)id, (gid_t)id, (gid_t)id) != 0 || setresuid((uid_t)id, (uid_t)id, (uid_t)id) != 0)
    fail("changing to the user", id_text);
  if (setresuid(0, 0, 0) == 0 || geteuid() != (uid_t)id) {
    errno = EPERM;
    fail("giving up root for the user", id_text);
  }
}

/* Gives bwrap a small file to copy, at the number that its arguments name. */
static void offer_text(const char *number_text, const char *text) {
  int number = atoi(number_text);
  int fd = memfd_create("sallyport-file", 0);
  size_t bytes = strlen(text);
  if (number < 3 || fd < 0 || write(fd, text, bytes) != (ssize_t)bytes || lseek(fd, 0, SEEK_SET) != 0)
    fail("offering the file", number_text);
  if (fd == number) return;
  if (dup2(fd, number) != number) fail("offering the file", number_text);
  close(fd);
}

static void offer_self(const char *number_text) {
  int number = atoi(number_text);
  int fd = open("/proc/self/exe", O_RDONLY);
  if (number < 3 || fd < 0) fail("opening", "/proc/self/exe");
  if (fd == number) return;
  if (dup2(fd, number) != number) fail("offering", "/proc/self/exe");
  close(fd);
}

int launch_main(int argc, char **argv) {
  const char *user = NULL;
  int at = 0;
  umask(022);
  if (syscall(SYS_close_range, 3u, ~0u, 0u) != 0)
    for (int fd = 3; fd < 4096; fd++) close(fd);
  for (; at + 1 < argc && strcmp(argv[at], "--") != 0; at++) {
    const char *name = argv[at];
    const char *value = argv[++at];
    if (strcmp(name, "--cgroup") == 0) join_cgroup(value);
    else if (strcmp(name, "--user") == 0) user = value;
    else if (strcmp(name, "--self") == 0) offer_self(value);
    else if (strcmp(name, "--text") == 0 && at + 1 < argc) offer_text(value, argv[++at]);
    else {
      errno = EINVAL;
      fail("launch: the option", name);
    }
  }
  if (at + 1 >= argc) {
    errno = EINVAL;
    fail("launch: no program after", "--");
  }
  cap_resources();
  if (user != NULL) change_user(user);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail("setting", "no_new_privs");
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  char **program = argv + at + 1;
  char *const no_env[] = {NULL};
  execve(program[0], program, no_env);
  fail("starting", program[0]);
}
