import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
}

interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
  /** µs of the monotonic clock. */
  readonly startTime: number;
}

export interface ProfiledTime {
  /** µs by where the function stands: a package, a part of Node, one of our projects. */
  readonly byModule: ReadonlyMap<string, number>;
  readonly byFunction: ReadonlyMap<string, number>;
  readonly busyUs: number;
}

/** What makes every Node process below the suite write a CPU profile into `directory` when it ends. */
export function profilingEnvironment(directory: string): Readonly<Record<string, string>> {
  return { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${directory}` };
}

export function monotonicUs(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}

/** Self time of the main thread of process `pid` in a window of the monotonic clock, without what it was idle. */
export function profiledTime(directory: string, pid: number, fromUs: number, toUs: number): ProfiledTime {
  const name = readdirSync(directory).find((file) => file.split('.')[3] === String(pid) && file.split('.')[4] === '0');
  if (name === undefined) throw new Error(`process ${pid} has left no profile`);
  const profile = JSON.parse(readFileSync(join(directory, name), 'utf8')) as CpuProfile;
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]));
  const byModule = new Map<string, number>();
  const byFunction = new Map<string, number>();
  let [atUs, busyUs] = [profile.startTime, 0];
  for (const [index, node] of profile.samples.entries()) {
    const tookUs = profile.timeDeltas[index] ?? 0;
    atUs += tookUs;
    const frame = frames.get(node);
    if (atUs < fromUs || atUs > toUs || frame === undefined || frame.functionName === '(idle)') continue;
    busyUs += tookUs;
    const module = moduleOf(frame);
    add(byModule, module, tookUs);
    add(byFunction, `${frame.functionName || '(anonymous)'} (${module})`, tookUs);
  }
  return { byModule, byFunction, busyUs };
}

function add(sums: Map<string, number>, name: string, value: number): void {
  sums.set(name, (sums.get(name) ?? 0) + value);
}

function moduleOf({ functionName, url }: ProfileNode['callFrame']): string {
  if (functionName === '(garbage collector)') return 'garbage collection';
  if (functionName === '(program)') return 'native code and system calls';
  const modules = url.split('/node_modules/');
  if (modules.length > 1) return /^(?:@[^/]+\/)?[^/]+/.exec(modules.at(-1) ?? '')?.[0] ?? url;
  const own = /\/((?:apps|libs)\/[^/]+)\//.exec(url)?.[1];
  if (own !== undefined) return own;
  return url === ''
    ? 'built-ins'
    : url
        .replace(/^node:(internal\/)?/, 'node:')
        .split('/')
        .slice(0, 2)
        .join('/');
}
