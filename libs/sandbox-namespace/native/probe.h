#ifndef SALLYPORT_PROBE_H
#define SALLYPORT_PROBE_H

#include <stdbool.h>

struct census {
  int others;
  int zombies;
};

struct census count_processes(void);

/* A check: begin, any number of expectations, end, which prints it. */
void begin(const char *check);
void expect(bool holds, const char *what);
void end(void);

/* NAME=VALUE: host_pid, canary, root_file, tcp_port, host_address, abstract_name. */
int make_attempts(int argc, char **argv);

#endif
