import { parseArgs } from 'node:util';

import { fuzzTargets } from './fuzz-targets.ts';

export interface FuzzRun {
  readonly type: 'fuzz' | 'merge';
  readonly targets: readonly string[];
  readonly seconds: number;
  readonly corpusDir: string | undefined;
}

export type Command =
  | FuzzRun
  | { readonly type: 'replay'; readonly target: string; readonly file: string }
  | { readonly type: 'help' }
  | { readonly type: 'wrong'; readonly why: string };

const secondsDefault = 60;

export const helpText = `npm run fuzz -- [OPTION…] [TARGET…]

Fuzzes each target, or all, one after the other; ends with a table. Exit code 1: something was found.

  --seconds N     how long each target runs; default ${secondsDefault}
  --corpus DIR    where what was generated is kept between runs; default node_modules/.cache/sallyport-fuzz
  --merge         does not fuzz: adds to tools/fuzz/seeds what the corpora reach and the seeds do not
  --replay FILE   does not fuzz: gives FILE to the one TARGET
  --help          this

Targets: ${fuzzTargets.map((target) => target.name).join(', ')}
`;

/** What the arguments ask for. */
export function parseCommandLine(args: readonly string[]): Command {
  let parsed: ReturnType<typeof read>;
  try {
    parsed = read(args);
  } catch (error) {
    return { type: 'wrong', why: error instanceof Error ? error.message : String(error) };
  }
  const { values, positionals } = parsed;
  if (values.help === true) return { type: 'help' };
  const unknown = positionals.find((name) => !fuzzTargets.some((target) => target.name === name));
  if (unknown !== undefined) return { type: 'wrong', why: `there is no target ${unknown}` };
  if (values.replay !== undefined) {
    const [target, ...others] = positionals;
    if (target === undefined || others.length > 0) return { type: 'wrong', why: '--replay takes one target' };
    return { type: 'replay', target, file: values.replay };
  }
  const seconds = Number(values.seconds ?? secondsDefault);
  if (!Number.isInteger(seconds) || seconds < 1) return { type: 'wrong', why: '--seconds takes a number from 1' };
  const targets = positionals.length > 0 ? positionals : fuzzTargets.map((target) => target.name);
  return { type: values.merge === true ? 'merge' : 'fuzz', targets, seconds, corpusDir: values.corpus };
}

function read(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      seconds: { type: 'string' },
      corpus: { type: 'string' },
      merge: { type: 'boolean' },
      replay: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
}
