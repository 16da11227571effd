/**
 * What a self-test tries from inside a sandbox, each named for what is proved when the attempt fails. A tier may be advertised only where all its
 * checks are proved.
 */
export const sandboxChecks = [
  'host_processes_hidden',
  'host_files_hidden',
  'root_files_denied',
  'system_read_only',
  'network_unreachable',
  'abstract_sockets_unreachable',
  'vsock_refused',
  'user_namespaces_refused',
  'mounts_refused',
  'ptrace_of_init_refused',
  'kernel_settings_read_only',
  'kernel_interfaces_refused',
  'no_new_privileges',
  'capabilities_dropped',
  'init_survives_kill',
  'orphans_reaped',
  'setsid_children_die',
  'workspace_bounded',
  'output_bounded',
  'pids_bounded',
  'memory_bounded',
  'cpu_bounded',
  'separate_user',
] as const;

export type SandboxCheck = (typeof sandboxChecks)[number];

/** Those that need cgroups or a user of its own for each session: an executor that is not root may lack them, and says so. */
const rootOnly: ReadonlySet<SandboxCheck> = new Set(['memory_bounded', 'cpu_bounded', 'separate_user', 'pids_bounded']);

/** What the tier `namespace` needs. */
export const namespaceTierChecks: readonly SandboxCheck[] = sandboxChecks.filter((check) => !rootOnly.has(check));
