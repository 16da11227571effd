import { randomBytes } from 'node:crypto';
import { accessSync, constants, mkdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import {
  type Capabilities,
  type Sandbox,
  SandboxDriver,
  type SandboxLimits,
  type SandboxRef,
  SandboxRefusedError,
  type SandboxSpec,
} from '@sallyport/sandbox';
import { AgentConnection } from './agent-connection.ts';
import { BodyWriter, encodeFrame, protocolVersion, requestType } from './agent-frames.ts';
import { homeDirectory, launchArguments, memoryFootprintMib } from './bwrap-arguments.ts';
import { type ControlGroup, ControlGroups, removeControlGroups } from './control-groups.ts';
import { NamespaceSandbox } from './namespace-sandbox.ts';
import { buildAgent } from './native-build.ts';
import { identify, isAlive } from './process-identity.ts';
import { type SandboxRecord, SandboxRecords } from './sandbox-records.ts';
import { runSelfTest } from './self-test.ts';
import { defaultUidRange, SessionUsers, type UidRange } from './session-users.ts';

export interface NamespaceDriverOptions {
  /** Records of living sandboxes, for whoever cleans up after a killed executor. One executor at a time. */
  readonly stateDir: string;
  /** The compiled agent; may be shared. */
  readonly cacheDir: string;
  /** Users of the host that sessions run as where we are root. Default: 2000000 to 2065535. */
  readonly uidRange?: UidRange;
  /** Default: `bwrap` in the usual places. */
  readonly bwrapPath?: string;
  /** Default: `cc` in PATH. */
  readonly ccPath?: string;
}

const readyMsMax = 15_000;
/** The agent, and bwrap, which waits for it outside. */
const ownProcesses = 2;
const bwrapPlaces = '/usr/bin:/usr/local/bin:/bin:/run/current-system/sw/bin';

interface Prepared {
  readonly agentBinary: string;
  readonly bwrapPath: string;
  readonly groups: ControlGroups | undefined;
  /** Why there are no groups. */
  readonly groupsMissing: string;
}

/** Sandboxes made of namespaces by bubblewrap, each with an agent as its first process. */
export class NamespaceDriver extends SandboxDriver {
  readonly name = 'namespace';
  readonly #options: NamespaceDriverOptions;
  readonly #records: SandboxRecords;
  readonly #users: SessionUsers | undefined;
  readonly #sandboxes = new Map<string, NamespaceSandbox>();
  readonly #starting = new Set<Promise<unknown>>();
  readonly #closing = new AbortController();
  #prepared: Promise<Prepared> | undefined;
  #capabilities: Promise<Capabilities> | undefined;

  constructor(options: NamespaceDriverOptions) {
    super();
    if (process.platform !== 'linux') {
      throw new SandboxRefusedError('capability', 'sandboxes of namespaces need Linux');
    }
    mkdirSync(options.stateDir, { recursive: true });
    this.#options = options;
    this.#records = new SandboxRecords(options.stateDir);
    this.#users = process.getuid?.() === 0 ? new SessionUsers(options.uidRange ?? defaultUidRange) : undefined;
  }

  /** The first call tests the sandbox from inside, which takes a second or two. */
  capabilities(): Promise<Capabilities> {
    this.#capabilities ??= this.#prepare().then((prepared) =>
      runSelfTest({
        groups: prepared.groups,
        groupsMissing: prepared.groupsMissing,
        isRoot: this.#users !== undefined,
        open: (spec, shown) => this.#open(spec, this.#closing.signal, shown),
      }),
    );
    return this.#capabilities;
  }

  async create(spec: SandboxSpec, options: { readonly signal: AbortSignal }): Promise<Sandbox> {
    checkLimits(spec.limits);
    const signal = AbortSignal.any([options.signal, this.#closing.signal]);
    for (const other of this.#sandboxes.values()) {
      if (other.ref.key !== spec.key) continue;
      if (spec.attempt <= other.ref.attempt) {
        throw new SandboxRefusedError(
          'start_failed',
          `session ${spec.key} has a sandbox of attempt ${other.ref.attempt}`,
        );
      }
      await other.destroy();
    }
    return await this.#open(spec, signal, []);
  }

  list(): Promise<readonly SandboxRef[]> {
    const isForeign = ({ executor }: SandboxRecord) =>
      executor !== undefined && executor.pid !== process.pid && isAlive(executor);
    return Promise.resolve(
      this.#records
        .all()
        .filter((record) => !isForeign(record))
        .map(({ ref }) => ref),
    );
  }

  async reap(ref: SandboxRef): Promise<void> {
    const own = this.#sandboxes.get(ref.id);
    if (own === undefined) await this.#records.reap(ref.id);
    else await own.destroy();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled(this.#starting);
    await Promise.all([...this.#sandboxes.values()].map((sandbox) => sandbox.destroy()));
    await this.#users?.close();
  }

  #prepare(): Promise<Prepared> {
    this.#prepared ??= (async () => {
      const bwrapPath = findBwrap(this.#options.bwrapPath);
      const agentBinary = await buildAgent({ cacheDir: this.#options.cacheDir, ccPath: this.#options.ccPath ?? 'cc' });
      const groups = ControlGroups.detect();
      return groups.ok
        ? { agentBinary, bwrapPath, groups: groups.value, groupsMissing: '' }
        : { agentBinary, bwrapPath, groups: undefined, groupsMissing: groups.reason };
    })();
    this.#prepared.catch(() => (this.#prepared = undefined));
    return this.#prepared;
  }

  #open(spec: SandboxSpec, signal: AbortSignal, shown: readonly ShownFile[]): Promise<NamespaceSandbox> {
    const opening = this.#start(spec, signal, shown);
    this.#starting.add(opening);
    const forget = () => this.#starting.delete(opening);
    opening.then(forget, forget);
    return opening;
  }

  async #start(spec: SandboxSpec, signal: AbortSignal, shown: readonly ShownFile[]): Promise<NamespaceSandbox> {
    const prepared = await this.#prepare();
    if (this.#closing.signal.aborted) throw new SandboxRefusedError('closed', 'the driver is closed');
    refuseAborted(signal);
    const id = `ns-${randomBytes(8).toString('hex')}`;
    const ref: SandboxRef = { driver: this.name, id, key: spec.key, attempt: spec.attempt };
    const uid = await this.#users?.take();
    let group: ControlGroup | undefined;
    let agent: AgentConnection | undefined;
    const remove = async () => {
      await removeControlGroups(group?.directories ?? []);
      group?.close();
      this.#sandboxes.delete(id);
      if (uid !== undefined) this.#users?.giveBack(uid);
      this.#records.remove(id);
    };
    try {
      refuseAborted(signal);
      const record = {
        ref,
        executor: identify(process.pid),
        cgroupDirectories: prepared.groups?.directories(id) ?? [],
      };
      this.#records.write(record);
      group = prepared.groups?.create(id, groupLimits(spec.limits));
      const launch = { ...prepared, limits: spec.limits, uid, cgroupDirectories: group?.directories ?? [], shown };
      agent = new AgentConnection(prepared.agentBinary, launchArguments(launch));
      if (agent.identity !== undefined) this.#records.write({ ...record, process: agent.identity });
      const baseEnv = { ...defaultEnv, ...spec.env };
      await setUp(agent, spec.limits, baseEnv, signal);
      const sandbox = new NamespaceSandbox({
        ref,
        agent,
        uid,
        baseEnv,
        oomKills: group?.oomKills,
        throttled: group?.throttled,
        remove,
      });
      this.#sandboxes.set(id, sandbox);
      return sandbox;
    } catch (error) {
      agent?.kill();
      await agent?.ended;
      await remove();
      throw error instanceof SandboxRefusedError ? error : new SandboxRefusedError('start_failed', explain(error));
    }
  }
}

interface ShownFile {
  readonly from: string;
  readonly to: string;
}

/** What every process of a session starts with. */
const defaultEnv = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: homeDirectory,
  USER: 'agent',
  LOGNAME: 'agent',
  SHELL: '/bin/bash',
  LANG: 'C.UTF-8',
  TERM: 'dumb',
  TMPDIR: '/tmp',
  PAGER: 'cat',
} as const;

async function setUp(
  agent: AgentConnection,
  limits: SandboxLimits,
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  const call = agent.nextCall();
  const entries = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  if (entries.some((entry) => entry.includes('\0'))) throw new Error('the environment cannot hold a NUL');
  const body = new BodyWriter().u32(limits.pids).strings(entries).bytes();
  const end = () => agent.kill();
  const timer = setTimeout(end, readyMsMax);
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  try {
    await agent.converse(call, [encodeFrame(requestType.setUp, call, body)], (reply) => {
      if (reply.type !== 'ready') return false;
      if (reply.version !== protocolVersion) throw new Error(`the agent speaks version ${reply.version}`);
      return true;
    });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', end);
    refuseAborted(signal);
  }
}

function refuseAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new SandboxRefusedError('start_failed', 'the start was given up by its caller');
}

function groupLimits(limits: SandboxLimits): { cpuMillis: number; memoryMib: number; processes: number } {
  return {
    cpuMillis: limits.cpuMillis,
    // Files of the session are in memory and count, so that a full workspace does not take what its processes were given.
    memoryMib: memoryFootprintMib(limits),
    processes: limits.pids + ownProcesses,
  };
}

const limitBounds = {
  cpuMillis: [10, 1_000_000],
  memoryMib: [16, 1_048_576],
  pids: [8, 32_768],
  workspaceMib: [1, 1_048_576],
} as const satisfies Record<keyof SandboxLimits, readonly [number, number]>;

function checkLimits(limits: SandboxLimits): void {
  for (const [name, [min, max]] of Object.entries(limitBounds)) {
    const value = limits[name as keyof SandboxLimits];
    if (!Number.isInteger(value) || value < min || value > max) {
      throw new SandboxRefusedError(
        'capability',
        `limits.${name} is ${value}; it must be an integer from ${min} to ${max}`,
      );
    }
  }
}

function findBwrap(given: string | undefined): string {
  const candidates = given === undefined ? bwrapPlaces.split(delimiter).map((place) => join(place, 'bwrap')) : [given];
  for (const candidate of candidates) {
    try {
      accessSync(candidate, constants.X_OK);
      return candidate;
    } catch {
      continue;
    }
  }
  throw new SandboxRefusedError(
    'capability',
    `bubblewrap is missing (${candidates.join(', ')}): install the package bubblewrap, version 0.8 or newer`,
  );
}

function explain(error: unknown): string {
  const said = error instanceof Error ? error.message : String(error);
  const userNamespaces = /user namespace|uid map|Operation not permitted/i.test(said)
    ? '. This host may forbid user namespaces: see kernel.unprivileged_userns_clone, user.max_user_namespaces and kernel.apparmor_restrict_unprivileged_userns'
    : '';
  return `the sandbox did not start: ${said}${userNamespaces}`;
}
