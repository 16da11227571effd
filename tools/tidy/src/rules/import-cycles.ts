import { projectsOf } from '../projects.ts';
import { relativeTarget, sourcesOf } from '../source.ts';
import { at, type Finding, type Rule } from '../violation.ts';

/** No file reaches itself through imports; type imports count, since a circle of types is a circle of meaning. */
export const importCycles: Rule = {
  name: 'import-cycles',
  check: (files) => {
    const doors = new Map(projectsOf(files).map(({ name, folder }) => [name, `${folder}/src/index.ts`]));
    const sources = new Map(sourcesOf(files).map((source) => [source.file.path, source]));
    const targets = new Map(
      [...sources].map(([path, { imports }]) => [
        path,
        imports
          .map(({ specifier }) => relativeTarget(path, specifier) ?? doors.get(specifier) ?? '')
          .filter((target) => sources.has(target)),
      ]),
    );
    return circlesOf(targets).flatMap((circle): Finding[] => {
      const [first = ''] = circle;
      const source = sources.get(first);
      const start = source?.imports.find(
        ({ specifier }) => (relativeTarget(first, specifier) ?? doors.get(specifier)) === circle[1],
      );
      if (source === undefined) return [];
      return [at(source.file, start?.start ?? 0, `break the circle ${[...circle, first].join(' → ')}`)];
    });
  },
};

/** One shortest circle per strongly connected set of files, beginning at its alphabetically first file. */
function circlesOf(targets: ReadonlyMap<string, readonly string[]>): string[][] {
  const circles: string[][] = [];
  const covered = new Set<string>();
  for (const start of [...targets.keys()].toSorted()) {
    if (covered.has(start)) continue;
    const circle = shortestCircle(start, targets);
    if (circle === undefined) continue;
    for (const path of circle) covered.add(path);
    circles.push(circle);
  }
  return circles;
}

function shortestCircle(start: string, targets: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (const path of queue) {
    for (const target of targets.get(path) ?? []) {
      if (target === start) return pathTo(path, start, cameFrom);
      if (cameFrom.has(target)) continue;
      cameFrom.set(target, path);
      queue.push(target);
    }
  }
  return undefined;
}

function pathTo(end: string, start: string, cameFrom: ReadonlyMap<string, string>): string[] {
  const circle: string[] = [];
  for (let path: string | undefined = end; path !== undefined && path !== start; path = cameFrom.get(path)) {
    circle.unshift(path);
  }
  return [start, ...circle];
}
