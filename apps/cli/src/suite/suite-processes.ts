import { fileURLToPath } from 'node:url';

import { endPostgresLeftBehind } from '@sallyport/pg-embedded';
import { fail, ok, type Result } from '@sallyport/result';

import type { DataDirectory } from './data-directory.ts';
import { inheritedEnvironment, postgresSockets, serviceEnvironments, serviceSocket } from './service-environments.ts';
import type { SuiteWiring } from './service-environments.ts';
import { type ProcessEvents, type ProcessSpec, SupervisedProcess } from './supervised-process.ts';

export type ServiceName = 'postgres' | keyof ReturnType<typeof serviceEnvironments>;

/** Who stops together, first group first; with the time that a group gets. 20 s in all. Calls that run may end while the tunnel still stands. */
const stopGroups: readonly { readonly names: readonly ServiceName[]; readonly graceMs: number }[] = [
  { names: ['router'], graceMs: 12_000 },
  { names: ['connector', 'sample-server', 'edge', 'executor'], graceMs: 2_500 },
  { names: ['scheduler'], graceMs: 2_000 },
  { names: ['audit', 'control'], graceMs: 2_000 },
  { names: ['postgres'], graceMs: 1_500 },
];
const apps = new URL('../../../', import.meta.url);

/** The processes of one suite. */
export class SuiteProcesses {
  readonly #directory: DataDirectory;
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #events: ProcessEvents;
  readonly #processes = new Map<ServiceName, SupervisedProcess>();

  constructor(directory: DataDirectory, env: Readonly<Record<string, string | undefined>>, events: ProcessEvents) {
    this.#directory = directory;
    this.#env = env;
    this.#events = events;
  }

  startPostgres(passwordFile: string): Promise<Result<void, string>> {
    return this.#start({
      name: 'postgres',
      script: fileURLToPath(new URL('cli/src/postgres-process.ts', apps)),
      args: [this.#directory.root, postgresSockets(this.#directory), passwordFile],
      env: inheritedEnvironment(this.#env, 'postgres'),
      sockets: [],
    });
  }

  /** Starts services at the same time; the first failure is the result. */
  async startServices(
    wiring: SuiteWiring,
    names: readonly Exclude<ServiceName, 'postgres'>[],
    args: readonly string[] = [],
  ): Promise<Result<void, string>> {
    const environments = serviceEnvironments(wiring);
    const results = await Promise.all(
      names.map((name) =>
        this.#start({
          name,
          script: fileURLToPath(new URL(`${name}/src/main.ts`, apps)),
          args,
          env: { ...inheritedEnvironment(this.#env, name), ...environments[name] },
          sockets: socketsOf(this.#directory, name),
        }),
      ),
    );
    return results.find((result) => !result.ok) ?? ok(undefined);
  }

  pid(name: ServiceName): number {
    return this.#processes.get(name)?.pid ?? 0;
  }

  /** In order, bounded; nothing is left afterwards. */
  async stop(): Promise<void> {
    for (const { names, graceMs } of stopGroups) {
      const group = names.map((name) => this.#processes.get(name)).filter((process) => process !== undefined);
      await Promise.all(group.map((process) => process.stop(graceMs)));
    }
    await endPostgresLeftBehind(this.#directory.root);
  }

  /** For somebody who does not want to wait. */
  async kill(): Promise<void> {
    for (const process of this.#processes.values()) process.kill();
    await endPostgresLeftBehind(this.#directory.root);
  }

  async #start(spec: ProcessSpec & { readonly name: ServiceName }): Promise<Result<void, string>> {
    const process = new SupervisedProcess(spec, this.#directory, this.#events);
    this.#processes.set(spec.name, process);
    const started = await process.start();
    return started.ok ? started : fail(started.reason);
  }
}

function socketsOf(directory: DataDirectory, name: ServiceName): readonly string[] {
  if (name === 'scheduler')
    return [serviceSocket(directory, 'scheduler'), serviceSocket(directory, 'scheduler-executors')];
  return name === 'control' || name === 'edge' || name === 'audit' ? [serviceSocket(directory, name)] : [];
}
