/*
 * System calls that the session has no use for and that have been the way out of sandboxes. It is a deny list: what runs inside is unknown, and
 * user, mount, network and pid namespaces, dropped capabilities and the read-only root stand without it. Numbers are the kernel headers'.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sallyport.h"

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#else
#error "no seccomp table for this architecture: x86_64 and aarch64 are known"
#endif

enum {
  X32_BIT = 0x40000000,
  /* CLONE_NEWNS | NEWCGROUP | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET; NEWTIME is no flag of clone(2). */
  NEW_NAMESPACES = 0x7E020000,
  FAMILY_UNIX = 1,
  FAMILY_INET = 2,
  FAMILY_INET6 = 10,
  FAMILY_NETLINK = 16,
  PROTOCOL_ROUTE = 0,
  IOCTL_TIOCSTI = 0x5412,
  IOCTL_TIOCLINUX = 0x541C,
  IOCTL_TIOCSETD = 0x5423,
  INSTRUCTIONS_MAX = 512,
};

static const long refused[] = {
    /* other processes */
    SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp,
#ifdef SYS_pidfd_getfd
    SYS_pidfd_getfd,
#endif
#ifdef SYS_process_madvise
    SYS_process_madvise,
#endif
    /* namespaces and mounts */
    SYS_unshare, SYS_setns, SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot,
#ifdef SYS_move_mount
    SYS_move_mount, SYS_open_tree, SYS_fsopen, SYS_fsconfig, SYS_fsmount, SYS_fspick,
#endif
#ifdef SYS_mount_setattr
    SYS_mount_setattr,
#endif
#ifdef SYS_statmount
    SYS_statmount, SYS_listmount,
#endif
#ifdef SYS_open_tree_attr
    SYS_open_tree_attr,
#endif
    /* large and young parts of the kernel */
#ifdef SYS_io_uring_setup
    SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register,
#endif
    SYS_bpf, SYS_userfaultfd, SYS_perf_event_open, SYS_keyctl, SYS_add_key, SYS_request_key, SYS_fanotify_init,
#ifdef SYS_memfd_secret
    SYS_memfd_secret,
#endif
    /* files by handle: around path checks */
    SYS_open_by_handle_at, SYS_name_to_handle_at,
    /* the machine */
    SYS_kexec_load, SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_swapon, SYS_swapoff, SYS_reboot, SYS_acct, SYS_syslog,
    SYS_quotactl, SYS_settimeofday, SYS_clock_settime, SYS_clock_adjtime, SYS_adjtimex, SYS_sethostname, SYS_setdomainname, SYS_vhangup,
    SYS_migrate_pages, SYS_move_pages, SYS_mbind, SYS_set_mempolicy,
#ifdef SYS_lookup_dcookie
    SYS_lookup_dcookie,
#endif
#ifdef SYS_nfsservctl
    SYS_nfsservctl,
#endif
#ifdef SYS_kexec_file_load
    SYS_kexec_file_load,
#endif
#ifdef SYS_quotactl_fd
    SYS_quotactl_fd,
#endif
#ifdef SYS_set_mempolicy_home_node
    SYS_set_mempolicy_home_node,
#endif
#ifdef SYS_lsm_set_self_attr
    SYS_lsm_set_self_attr,
#endif
#ifdef __x86_64__
    SYS_iopl, SYS_ioperm, SYS_modify_ldt, SYS_uselib, SYS_ustat, SYS_sysfs, SYS__sysctl,
#endif
};

static struct sock_filter filter[INSTRUCTIONS_MAX];
static unsigned short filter_length;

static void add(struct sock_filter instruction) {
  if (filter_length == INSTRUCTIONS_MAX) protocol_error("the seccomp filter is too long");
  filter[filter_length++] = instruction;
}

static void load(size_t offset) { add((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned int)offset)); }
static void answer(unsigned int action) { add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action)); }
static void load_number(void) { load(offsetof(struct seccomp_data, nr)); }
/* The low half, which is what the kernel takes of an int argument. */
static void load_argument(int index) { load(offsetof(struct seccomp_data, args) + 8 * (size_t)index); }
static void skip_if_equal(unsigned int value, unsigned char equal, unsigned char different) {
  add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, equal, different));
}
static unsigned int error_of(int error) { return SECCOMP_RET_ERRNO | (unsigned int)error; }

static void refuse_calls(void) {
  for (size_t index = 0; index < sizeof refused / sizeof *refused; index++) {
    skip_if_equal((unsigned int)refused[index], 0, 1);
    answer(error_of(EPERM));
  }
#ifdef SYS_clone3
  /* Its flags are behind a pointer; libc falls back to clone. */
  skip_if_equal(SYS_clone3, 0, 1);
  answer(error_of(ENOSYS));
#endif
}

static void refuse_namespaces(void) {
  skip_if_equal(SYS_clone, 0, 4);
  load_argument(0);
  add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, NEW_NAMESPACES, 0, 1));
  answer(error_of(EPERM));
  load_number();
}

static void refuse_terminal_tricks(void) {
  skip_if_equal(SYS_ioctl, 0, 6);
  load_argument(1);
  skip_if_equal(IOCTL_TIOCSTI, 2, 0);
  skip_if_equal(IOCTL_TIOCLINUX, 1, 0);
  skip_if_equal(IOCTL_TIOCSETD, 0, 1);
  answer(error_of(EPERM));
  load_number();
}

/* A network namespace does not hold vsock, which reaches the hypervisor; the other families are attack surface without use. */
static void refuse_families(unsigned int call) {
  skip_if_equal(call, 0, 10);
  load_argument(0);
  skip_if_equal(FAMILY_UNIX, 7, 0);
  skip_if_equal(FAMILY_INET, 6, 0);
  skip_if_equal(FAMILY_INET6, 5, 0);
  skip_if_equal(FAMILY_NETLINK, 1, 0);
  answer(error_of(EAFNOSUPPORT));
  load_argument(2);
  skip_if_equal(PROTOCOL_ROUTE, 1, 0);
  answer(error_of(EPROTONOSUPPORT));
  load_number();
}

void install_seccomp(void) {
  load(offsetof(struct seccomp_data, arch));
  skip_if_equal(NATIVE_ARCH, 1, 0);
  answer(SECCOMP_RET_KILL_PROCESS);
  load_number();
#ifdef __x86_64__
  add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1));
  answer(error_of(ENOSYS));
#endif
  refuse_calls();
  refuse_namespaces();
  refuse_terminal_tricks();
  refuse_families(SYS_socket);
  refuse_families(SYS_socketpair);
  answer(SECCOMP_RET_ALLOW);
  struct sock_fprog program = {.len = filter_length, .filter = filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
    protocol_error("the seccomp filter was refused");
}
