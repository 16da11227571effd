#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sallyport.h"

_Noreturn void fail(const char *what, const char *object) {
  fprintf(stderr, "sallyport: %s %s: %s\n", what, object, strerror(errno));
  exit(70);
}

int64_t now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int main(int argc, char **argv) {
  if (argc >= 2 && strcmp(argv[1], "launch") == 0) return launch_main(argc - 2, argv + 2);
  if (argc >= 2 && strcmp(argv[1], "agent") == 0) return agent_main();
  if (argc >= 2 && strcmp(argv[1], "probe") == 0) return probe_main(argc - 2, argv + 2);
  fprintf(stderr, "sallyport: usage: launch ... | agent | probe ...\n");
  return 64;
}
