import type { CallProfile, ProfileReport } from './run-profile.ts';

const modulesMost = 8;
const functionsMost = 10;
const statementsMost = 14;
const textCharactersMax = 110;

export function renderProfileReport({ machine, profiles }: ProfileReport): string {
  const { cpu, cores, memoryGib, node, at } = machine;
  return [`${cpu}, ${cores} cores, ${memoryGib} GiB, Node ${node}, ${at}`, '', ...profiles.flatMap(sectionOf)].join(
    '\n',
  );
}

function sectionOf({ title, calls, callsPerS, processes, database }: CallProfile): string[] {
  const perCall = (value: number, digits = 0) => (value / calls).toFixed(digits);
  const used = processes.filter(({ busyUs }) => busyUs / calls >= 5);
  const top = (sums: ReadonlyMap<string, number>, most: number, busyUs: number) =>
    [...sums]
      .toSorted(([, left], [, right]) => right - left)
      .slice(0, most)
      .map(([name, us]) => `${name} ${((us / busyUs) * 100).toFixed(0)} %`)
      .join(', ');
  const statements = database.statements.filter(({ calls: count }) => count / calls > 0.001).slice(0, statementsMost);
  return [
    `${title}: ${calls} calls, ${Math.round(callsPerS)} a second with the profiler, ${perCall(database.commits, 2)} commits a call`,
    '',
    '| process | µs a call | bytes read | bytes written | where |',
    '|---|---:|---:|---:|---|',
    ...used.map(
      ({ process, busyUs, byModule, readBytes, writtenBytes }) =>
        `| ${process} | ${perCall(busyUs)} | ${perCall(readBytes)} | ${perCall(writtenBytes)} | ${top(byModule, modulesMost, busyUs)} |`,
    ),
    '',
    '| process | functions, by their own time |',
    '|---|---|',
    ...used.map(({ process, busyUs, byFunction }) => `| ${process} | ${top(byFunction, functionsMost, busyUs)} |`),
    '',
    '| statement | a call | rows a call | µs a call | WAL bytes a call |',
    '|---|---:|---:|---:|---:|',
    ...statements.map(
      ({ role, text, calls: count, rows, ms, walBytes }) =>
        `| ${role}: \`${text.slice(0, textCharactersMax).replaceAll('|', ' ')}\` | ${perCall(count, 3)} | ${perCall(rows, 2)} | ${perCall(ms * 1_000)} | ${perCall(walBytes)} |`,
    ),
    '',
  ];
}
