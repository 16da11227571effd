/* Attempts to reach what lies outside, and to get at the parts of the kernel that lead there. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"

struct host {
  const char *host_pid;
  const char *canary;
  const char *root_file;
  const char *tcp_port;
  const char *host_address;
  const char *abstract_name;
};

static const char *value_of(int argc, char **argv, const char *name) {
  size_t bytes = strlen(name);
  for (int index = 0; index < argc; index++)
    if (strncmp(argv[index], name, bytes) == 0 && argv[index][bytes] == '=') return argv[index] + bytes + 1;
  return "";
}

static bool is_absent(const char *path) {
  struct stat status;
  return lstat(path, &status) != 0 && errno == ENOENT;
}

static bool opens(const char *path, int flags) {
  int fd = open(path, flags | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  close(fd);
  return true;
}

static void try_processes(const struct host *host) {
  begin("host_processes_hidden");
  pid_t pid = (pid_t)atoi(host->host_pid);
  char path[64];
  snprintf(path, sizeof path, "/proc/%d", pid);
  expect(pid > 1, "no process of the host was named");
  expect(kill(pid, 0) != 0 && errno == ESRCH, "a process of the host can be signalled");
  expect(is_absent(path), "a process of the host is in /proc");
  expect(count_processes().others == 0, "there are processes beside this one");
  end();
}

static void try_files(const struct host *host) {
  begin("host_files_hidden");
  expect(host->canary[0] == '/', "no file of the host was named");
  expect(is_absent(host->canary), "a file of the host's temporary directory is there");
  static const char *const absent[] = {"/etc/shadow", "/etc/ssh", "/root", "/var", "/run", "/sys", "/boot", "/mnt", "/srv", "/oldroot", "/newroot"};
  for (size_t index = 0; index < sizeof absent / sizeof *absent; index++) expect(is_absent(absent[index]), absent[index]);
  end();
  begin("root_files_denied");
  struct stat status;
  expect(stat(host->root_file, &status) == 0, "no file of root was shown");
  expect(!opens(host->root_file, O_RDONLY), "a file of root can be read");
  expect(!opens(host->root_file, O_WRONLY), "a file of root can be written");
  end();
}

static void try_writes(void) {
  begin("system_read_only");
  static const char *const places[] = {"/x", "/etc/x", "/usr/x", "/usr/bin/x", "/usr/local/x", "/dev/x", "/home/x", "/proc/x", "/bin/x", "/lib/x"};
  for (size_t index = 0; index < sizeof places / sizeof *places; index++) expect(!opens(places[index], O_WRONLY | O_CREAT), places[index]);
  expect(!opens("/etc/passwd", O_WRONLY), "/etc/passwd");
  expect(!opens("/usr/bin/env", O_WRONLY), "/usr/bin/env");
  expect(mknod("/tmp/probe-device", S_IFBLK | 0600, 0x800) != 0, "a device can be made");
  end();
  begin("kernel_settings_read_only");
  static const char *const settings[] = {"/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname", "/proc/sys/kernel/modprobe", "/proc/sys/vm/overcommit_memory",
                                         "/proc/sys/fs/binfmt_misc/register", "/proc/sys/user/max_user_namespaces", "/proc/sys/net/ipv4/ip_forward",
                                         "/proc/sysrq-trigger", "/proc/kcore", "/proc/kmsg", "/proc/1/oom_score_adj"};
  for (size_t index = 0; index < sizeof settings / sizeof *settings; index++) expect(!opens(settings[index], O_WRONLY), settings[index]);
  expect(!opens("/proc/kcore", O_RDONLY), "/proc/kcore can be read");
  expect(!opens("/proc/kmsg", O_RDONLY), "/proc/kmsg can be read");
  end();
}

static bool connects(int type, const char *address, int port) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  if (inet_pton(AF_INET, address, &to.sin_addr) != 1) return false;
  int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return false;
  int connected = connect(fd, (struct sockaddr *)&to, sizeof to);
  bool is_possible = connected == 0 || errno == EINPROGRESS;
  if (connected != 0 && is_possible) { /* on the loopback of another namespace the answer comes at once */
    int error = 0;
    socklen_t bytes = sizeof error;
    usleep(20 * 1000);
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &bytes);
    is_possible = error == 0;
  }
  close(fd);
  return is_possible;
}

static void try_network(const struct host *host) {
  begin("network_unreachable");
  int port = atoi(host->tcp_port);
  expect(port > 0, "no port of the host was named");
  expect(!connects(SOCK_STREAM, "127.0.0.1", port), "the host's loopback can be reached");
  if (host->host_address[0] != '\0') expect(!connects(SOCK_STREAM, host->host_address, port), "the host's address can be reached");
  expect(!connects(SOCK_STREAM, "192.0.2.1", 80), "there is a route out");
  expect(!connects(SOCK_DGRAM, "192.0.2.1", 53), "there is a route out for UDP");
  FILE *devices = fopen("/proc/net/dev", "re");
  char line[512];
  for (int number = 0; devices != NULL && fgets(line, sizeof line, devices) != NULL; number++)
    if (number >= 2) expect(strstr(line, " lo:") != NULL || strncmp(line, "lo:", 3) == 0, "there is a network interface");
  expect(devices != NULL, "/proc/net/dev cannot be read");
  if (devices != NULL) fclose(devices);
  end();

  begin("abstract_sockets_unreachable");
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  size_t bytes = strlen(host->abstract_name);
  expect(bytes > 0 && bytes < sizeof to.sun_path - 1, "no abstract socket was named");
  memcpy(to.sun_path + 1, host->abstract_name, bytes < sizeof to.sun_path - 1 ? bytes : 0);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  expect(fd >= 0, "no unix sockets");
  expect(connect(fd, (struct sockaddr *)&to, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + bytes)) != 0, "an abstract socket of the host can be reached");
  close(fd);
  end();
}

static bool has_family(int family, int type, int protocol) {
  int fd = socket(family, type | SOCK_CLOEXEC, protocol);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

static void try_families(void) {
  begin("vsock_refused");
  expect(!has_family(AF_VSOCK, SOCK_STREAM, 0) && errno == EAFNOSUPPORT, "AF_VSOCK");
  expect(!has_family(AF_ALG, SOCK_SEQPACKET, 0), "AF_ALG");
  expect(!has_family(AF_PACKET, SOCK_RAW, 0), "AF_PACKET");
  expect(!has_family(AF_BLUETOOTH, SOCK_RAW, 0), "AF_BLUETOOTH");
  expect(!has_family(AF_TIPC, SOCK_RDM, 0), "AF_TIPC");
  expect(!has_family(AF_XDP, SOCK_RAW, 0), "AF_XDP");
  expect(!has_family(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER), "NETLINK_NETFILTER");
  expect(!has_family(AF_INET, SOCK_RAW, IPPROTO_ICMP), "raw sockets");
  end();
}

static bool clones(unsigned long flags) {
  long pid = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
  if (pid == 0) _exit(0);
  if (pid > 0) waitpid((pid_t)pid, NULL, 0);
  return pid > 0;
}

static void try_namespaces(void) {
  begin("user_namespaces_refused");
  expect(unshare(CLONE_NEWUSER) != 0, "unshare(CLONE_NEWUSER)");
  expect(unshare(CLONE_NEWNS) != 0, "unshare(CLONE_NEWNS)");
  expect(!clones(CLONE_NEWUSER), "clone(CLONE_NEWUSER)");
  expect(!clones(CLONE_NEWUSER | CLONE_NEWNET), "clone(CLONE_NEWUSER | CLONE_NEWNET)");
  expect(!clones(CLONE_NEWPID), "clone(CLONE_NEWPID)");
#ifdef SYS_clone3
  char arguments[64] = {0};
  long cloned = syscall(SYS_clone3, arguments, sizeof arguments);
  if (cloned == 0) _exit(0);
  expect(cloned < 0 && errno == ENOSYS, "clone3");
#endif
  int fd = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
  expect(fd < 0 || setns(fd, CLONE_NEWUSER) != 0, "setns");
  if (fd >= 0) close(fd);
  end();
  begin("mounts_refused");
  expect(mount("tmpfs", "/tmp", "tmpfs", 0, NULL) != 0, "mount");
  expect(mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL) != 0, "remount of /");
  expect(umount2("/proc", MNT_DETACH) != 0, "umount");
  expect(syscall(SYS_pivot_root, "/tmp", "/tmp") != 0, "pivot_root");
  expect(chroot("/tmp") != 0, "chroot");
#ifdef SYS_open_tree
  expect(syscall(SYS_open_tree, -1, "/", 1) < 0, "open_tree");
  expect(syscall(SYS_fsopen, "tmpfs", 0) < 0, "fsopen");
#endif
  end();
}

static void try_init(void) {
  begin("ptrace_of_init_refused");
  expect(ptrace(PTRACE_ATTACH, 1, NULL, NULL) != 0, "ptrace");
  expect(ptrace(PTRACE_SEIZE, 1, NULL, NULL) != 0, "ptrace seize");
  expect(!opens("/proc/1/mem", O_RDWR), "/proc/1/mem");
  expect(!opens("/proc/1/environ", O_RDONLY), "/proc/1/environ");
  expect(!opens("/proc/1/root/etc", O_RDONLY), "/proc/1/root");
  expect(!opens("/proc/1/fd/100", O_RDWR), "/proc/1/fd");
  expect(!opens("/proc/1/exe", O_RDONLY), "/proc/1/exe");
  char byte;
  struct iovec here = {.iov_base = &byte, .iov_len = 1};
  expect(process_vm_readv(1, &here, 1, &here, 1, 0) < 0, "process_vm_readv");
  end();
}

static bool refused(long result) { return result < 0 && (errno == EPERM || errno == ENOSYS); }

#ifdef __x86_64__
/* True where a call by the 32-bit entry ends the process, or where the kernel has no such entry. */
static bool compat_calls_end_process(void) {
  pid_t pid = fork();
  if (pid == 0) {
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory");
    _exit(result > 0 ? 1 : 2);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFSIGNALED(status);
}
#endif

static void try_kernel(void) {
  char buffer[256] = {0};
  begin("kernel_interfaces_refused");
  expect(refused(syscall(SYS_bpf, 0, buffer, sizeof buffer)), "bpf");
  expect(refused(syscall(SYS_perf_event_open, buffer, 0, -1, -1, 0)), "perf_event_open");
#ifdef SYS_io_uring_setup
  expect(refused(syscall(SYS_io_uring_setup, 1, buffer)), "io_uring_setup");
#endif
  expect(refused(syscall(SYS_userfaultfd, 1)), "userfaultfd");
  expect(refused(syscall(SYS_keyctl, 0, -3, 0)), "keyctl");
  expect(refused(syscall(SYS_add_key, "user", "probe", "x", 1, -3)), "add_key");
  expect(refused(syscall(SYS_request_key, "user", "probe", NULL, 0)), "request_key");
  expect(refused(syscall(SYS_open_by_handle_at, -1, buffer, 0)), "open_by_handle_at");
  expect(refused(syscall(SYS_name_to_handle_at, AT_FDCWD, "/", buffer, buffer, 0)), "name_to_handle_at");
  expect(refused(syscall(SYS_kcmp, getpid(), getpid(), 0, 0, 0)), "kcmp");
  expect(refused(syscall(SYS_init_module, buffer, 0, "")), "init_module");
  expect(refused(syscall(SYS_kexec_load, 0, 0, NULL, 0)), "kexec_load");
  expect(refused(syscall(SYS_swapon, "/tmp/x", 0)), "swapon");
  expect(refused(syscall(SYS_syslog, 3, buffer, sizeof buffer)), "syslog");
  expect(refused(ioctl(0, 0x5412, buffer)), "TIOCSTI"); /* ENOTTY would be the device speaking, not the filter */
  expect(refused(ioctl(0, 0x541C, buffer)), "TIOCLINUX");
#ifdef __x86_64__
  expect(refused(syscall(0x40000000 | SYS_getpid)), "x32");
  expect(compat_calls_end_process(), "32-bit system calls");
#endif
  end();
}

static bool status_is(const char *name, const char *value) {
  FILE *status = fopen("/proc/self/status", "re");
  char line[512];
  bool is_so = false;
  while (status != NULL && fgets(line, sizeof line, status) != NULL)
    if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':') is_so = strstr(line, value) != NULL;
  if (status != NULL) fclose(status);
  return is_so;
}

static void try_privileges(void) {
  begin("no_new_privileges");
  expect(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1, "no_new_privs is not set");
  expect(status_is("Seccomp", "2"), "no seccomp filter");
  expect(setuid(0) != 0, "setuid(0)");
  end();
  begin("capabilities_dropped");
  static const char *const sets[] = {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"};
  for (size_t index = 0; index < sizeof sets / sizeof *sets; index++) expect(status_is(sets[index], "0000000000000000"), sets[index]);
  end();
}

int make_attempts(int argc, char **argv) {
  struct host host = {.host_pid = value_of(argc, argv, "host_pid"),
                      .canary = value_of(argc, argv, "canary"),
                      .root_file = value_of(argc, argv, "root_file"),
                      .tcp_port = value_of(argc, argv, "tcp_port"),
                      .host_address = value_of(argc, argv, "host_address"),
                      .abstract_name = value_of(argc, argv, "abstract_name")};
  try_processes(&host);
  try_files(&host);
  try_writes();
  try_network(&host);
  try_families();
  try_namespaces();
  try_init();
  try_kernel();
  try_privileges();
  return 0;
}
