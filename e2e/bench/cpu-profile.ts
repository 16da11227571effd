interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
}

/** As V8 writes it; times in µs. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

export interface ProfiledTime {
  /** µs by where the function stands: a package, a part of Node, one of our projects. */
  readonly byModule: ReadonlyMap<string, number>;
  readonly byFunction: ReadonlyMap<string, number>;
  readonly busyUs: number;
}

/** Self time, without what the process was idle. */
export function profiledTime(profile: CpuProfile): ProfiledTime {
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]));
  const byModule = new Map<string, number>();
  const byFunction = new Map<string, number>();
  let busyUs = 0;
  for (const [index, node] of profile.samples.entries()) {
    const tookUs = profile.timeDeltas[index] ?? 0;
    const frame = frames.get(node);
    if (frame === undefined || isNoWork(frame)) continue;
    busyUs += tookUs;
    const module = moduleOf(frame);
    add(byModule, module, tookUs);
    add(byFunction, `${frame.functionName || '(anonymous)'} (${module})`, tookUs);
  }
  return { byModule, byFunction, busyUs };
}

/** Idle, or the profiler itself. */
function isNoWork({ functionName, url }: ProfileNode['callFrame']): boolean {
  return functionName === '(idle)' || functionName === '_debugEnd' || url === 'node:inspector';
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
