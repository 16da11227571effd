/*
 * A shell lives for one command. What the next one must know goes through a script: the shell writes it at its end, whichever way it ends,
 * and the next shell reads it first.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sallyport.h"

#define STATE_END "# sallyport: end of state\n"

/* Variables that are about one shell, that bash fills in itself, or that mean something else when they are assigned. */
#define UNSAVED_VARIABLES                                                                                                       \
  "PWD LINENO RANDOM SRANDOM BASH BASHPID BASH_ALIASES BASH_CMDS BASH_COMMAND BASH_SUBSHELL BASH_EXECUTION_STRING BASH_ARGV0 " \
  "BASH_VERSION EPOCHSECONDS EPOCHREALTIME DIRSTACK GROUPS FUNCNAME PIPESTATUS HISTCMD COMP_WORDBREAKS HOSTTYPE MACHTYPE OSTYPE _ " \
  "__sallyport_command __sallyport_options"

/*
 * The script that the next shell reads. Its own descriptor is closed first, then the options of `shopt` (what a new shell has set is unset),
 * which the text of functions may need; aliases come after functions, which they would change. Options of `set` are kept in a variable, since they
 * must not hold for the script itself. After they are written, tracing and the like are put off.
 */
#define WRITE_STATE                                                                                                             \
  "\\builtin printf \"exec 241<&-\\nshopt -u \\${BASHOPTS//:/ }; shopt -s ${BASHOPTS//:/ }\\n__sallyport_options=\\\"set +Bh "  \
  "${SHELLOPTS:+-o ${SHELLOPTS//:/ -o }}\\\"\\n\"; "                                                                            \
  "\\builtin set +eux +o posix; "                                                                                               \
  "\\builtin umask -p; \\builtin printf \"cd -- %q || cd /workspace\\n\" \"$PWD\"; "                                            \
  "\\builtin declare -f; \\builtin declare -F; \\builtin alias -p; "                                                            \
  "\\builtin unset -v " UNSAVED_VARIABLES "; "                                                                                  \
  "\\builtin declare -p; "                                                                                                      \
  "\\builtin printf \"%s\\n\" \"# sallyport: end of state\"; "

/* Writes once: the second time its descriptor is closed. */
#define SAVE "[[ -e /dev/fd/240 ]] && { " WRITE_STATE "} >&240; } 2>/dev/null; exec 240>&-"

/*
 * All one line, so that the line numbers of messages are those of the command. At a normal end the state is written in line, since the command
 * may have a trap of its own on EXIT. The status travels as $1, which is not part of the state.
 */
const char *const shell_prologue =
    "trap '{ " SAVE "' EXIT; trap 'exit 143' TERM; "
    "IFS= read -r -d '' -u 242 __sallyport_command; exec 242<&-; "
    ". /dev/fd/241 >/dev/null 2>&1; "
    "\\builtin eval \"\\builtin unset -v __sallyport_command __sallyport_options BASH_EXECUTION_STRING; ${__sallyport_options-:}; $__sallyport_command\"; "
    "{ \\builtin set -- \"$?\"; " SAVE "; \\builtin exit \"$1\"";

int first_state(void) {
  static const char script[] = "exec 241<&-\nshopt -s expand_aliases; cd /workspace\n" STATE_END;
  int fd = memfd_create("sallyport-state", MFD_CLOEXEC);
  if (fd < 0 || write(fd, script, sizeof script - 1) != sizeof script - 1) protocol_error("no memory for the shell's state");
  return fd;
}

int open_state_sink(void) {
  int fd = memfd_create("sallyport-state", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  /* As large as it may get, and sealed: whoever inherits it cannot fill memory with it. */
  if (fd >= 0 && (ftruncate(fd, STATE_BYTES_MAX) != 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0)) {
    close(fd);
    fd = -1;
  }
  return fd;
}

static bool copy_bytes(int to, int from, off_t bytes) {
  char buffer[16 * 1024];
  for (off_t at = 0; at < bytes;) {
    size_t wanted = bytes - at < (off_t)sizeof buffer ? (size_t)(bytes - at) : sizeof buffer;
    ssize_t got = pread(from, buffer, wanted, at);
    if (got <= 0 || write(to, buffer, (size_t)got) != got) return false;
    at += got;
  }
  return true;
}

enum saved_state keep_state(struct agent *agent, int sink) {
  /* The shell wrote through the same open file, so its offset is the length. */
  off_t bytes = lseek(sink, 0, SEEK_CUR);
  char end[sizeof STATE_END] = "";
  off_t end_bytes = sizeof STATE_END - 1;
  if (bytes >= STATE_BYTES_MAX - 4096) return STATE_TOO_LARGE;
  if (bytes < end_bytes || pread(sink, end, (size_t)end_bytes, bytes - end_bytes) != end_bytes || strcmp(end, STATE_END) != 0)
    return STATE_NOT_WRITTEN;
  int fd = memfd_create("sallyport-state", MFD_CLOEXEC);
  if (fd < 0 || !copy_bytes(fd, sink, bytes)) {
    if (fd >= 0) close(fd);
    return STATE_NOT_WRITTEN;
  }
  close(agent->state);
  agent->state = fd;
  agent->has_state = true;
  return STATE_SAVED;
}
