/*
 * What the self-test tries from inside. Each check is proved only where every attempt of it failed, or where every thing that must be so is so.
 * Bombs are bounded. One line a check: its name, "proved" or "failed", and what went wrong.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sallyport.h"
#include "probe.h"

enum { FORKS_MAX = 300, MEMORY_MIB_MAX = 512, FILL_MIB_MAX = 512, SECONDS_MAX = 20 };

static const char *current;
static char problems[1024];

void begin(const char *check) {
  current = check;
  problems[0] = '\0';
}

void expect(bool holds, const char *what) {
  if (holds) return;
  size_t used = strlen(problems);
  snprintf(problems + used, sizeof problems - used, "%s%s", used == 0 ? "" : "; ", what);
}

void end(void) {
  printf("%s %s %s\n", current, problems[0] == '\0' ? "proved" : "failed", problems);
  fflush(stdout);
}

/* The state letter of a process, 0 where it is gone. */
static char state_of(const char *pid) {
  char path[64];
  char text[512] = "";
  snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  ssize_t got = read(fd, text, sizeof text - 1);
  close(fd);
  const char *after = got > 0 ? strrchr(text, ')') : NULL;
  return after == NULL ? 0 : after[2];
}

/* Processes beside the agent and this one. */
struct census count_processes(void) {
  struct census census = {0};
  DIR *processes = opendir("/proc");
  if (processes == NULL) return (struct census){.others = -1, .zombies = -1};
  for (struct dirent *entry; (entry = readdir(processes)) != NULL;) {
    if (!isdigit((unsigned char)entry->d_name[0])) continue;
    int pid = atoi(entry->d_name);
    if (pid == 1 || pid == getpid()) continue;
    char state = state_of(entry->d_name);
    if (state == 'Z') census.zombies++;
    if (state != 0) census.others++;
  }
  closedir(processes);
  return census;
}

/* Prints how many processes it could start. */
static int bomb_forks(void) {
  int started = 0;
  for (; started < FORKS_MAX; started++) {
    pid_t pid = fork();
    if (pid < 0) break;
    if (pid == 0) {
      pause();
      _exit(0);
    }
  }
  printf("started %d\n", started);
  return 0;
}

static int bomb_memory(void) {
  for (int taken = 0; taken < MEMORY_MIB_MAX; taken++) {
    char *block = mmap(NULL, 1024 * 1024, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) break;
    memset(block, taken + 1, 1024 * 1024);
  }
  printf("got all of it\n");
  return 0;
}

/* Prints how many MiB a file took, and removes it. */
static int fill(const char *directory) {
  static char block[1024 * 1024];
  char path[256];
  snprintf(path, sizeof path, "%.200s/fill", directory);
  memset(block, 'x', sizeof block);
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  int written = 0;
  while (fd >= 0 && written < FILL_MIB_MAX && write(fd, block, sizeof block) == (ssize_t)sizeof block) written++;
  unlink(path);
  printf("wrote %d %s\n", written, fd < 0 ? "cannot open" : strerror(errno));
  return 0;
}

/* Two processes use what they get of the processor; prints how much that was. */
static int spin(int ms) {
  pid_t pid = fork();
  volatile uint64_t turns = 0;
  for (int64_t until = now_us() + (int64_t)ms * 1000; now_us() < until;) turns = turns + 1;
  if (pid == 0) _exit(0);
  waitpid(pid, NULL, 0);
  struct rusage self;
  struct rusage children;
  getrusage(RUSAGE_SELF, &self);
  getrusage(RUSAGE_CHILDREN, &children);
  long used_ms = (self.ru_utime.tv_sec + self.ru_stime.tv_sec + children.ru_utime.tv_sec + children.ru_stime.tv_sec) * 1000 +
                 (self.ru_utime.tv_usec + self.ru_stime.tv_usec + children.ru_utime.tv_usec + children.ru_stime.tv_usec) / 1000;
  printf("used %ld\n", used_ms);
  return 0;
}

/* Every signal that would end or stop the agent, if it could. */
static int attack_init(void) {
  static const int signals[] = {SIGKILL, SIGSTOP, SIGTERM, SIGINT, SIGSEGV, SIGABRT, SIGHUP};
  for (size_t index = 0; index < sizeof signals / sizeof *signals; index++) kill(1, signals[index]);
  kill(-1, SIGKILL);
  printf("sent\n");
  return 0;
}

/*
 * The attempts succeed outside of a sandbox, where they would do harm: so it wants the agent as its parent, and not to be root. Nothing that
 * the self-test checks is taken for granted by this.
 */
static bool is_in_sandbox(void) { return getppid() == 1 && getuid() != 0 && geteuid() != 0; }

int probe_main(int argc, char **argv) {
  const char *mode = argc > 0 ? argv[0] : "";
  if (!is_in_sandbox()) {
    fprintf(stderr, "sallyport: the probe runs in a sandbox only, as a child of its agent\n");
    return 64;
  }
  alarm(SECONDS_MAX);
  if (strcmp(mode, "attempts") == 0) return make_attempts(argc - 1, argv + 1);
  if (strcmp(mode, "forks") == 0) return bomb_forks();
  if (strcmp(mode, "memory") == 0) return bomb_memory();
  if (strcmp(mode, "fill") == 0 && argc == 2) return fill(argv[1]);
  if (strcmp(mode, "spin") == 0 && argc == 2) return spin(atoi(argv[1]));
  if (strcmp(mode, "attack-init") == 0) return attack_init();
  if (strcmp(mode, "processes") == 0) {
    struct census census = count_processes();
    printf("others %d zombies %d\n", census.others, census.zombies);
    return 0;
  }
  fprintf(stderr, "sallyport: the probe does not know %s\n", mode);
  return 64;
}
