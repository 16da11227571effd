import { parseArgs } from 'node:util';

/** How long each part of a run takes, in seconds. The whole is bounded: see `benchHelp`. */
export interface BenchPlan {
  readonly rounds: number;
  readonly warmUpS: number;
  /** Of each target and concurrency, in each round. */
  readonly sliceS: number;
  readonly fullLoadS: number;
  readonly sustainedS: number;
}

export interface BenchOptions {
  readonly json: boolean;
  /** The supervisor goes on printing every event while it is measured. */
  readonly tail: boolean;
  readonly plan: BenchPlan;
  /** Arguments for the suite, `--kafka BROKERS` say. */
  readonly suiteArgs: readonly string[];
}

export const benchHelp = `Usage: npm run bench -- [--quick] [--json] [--tail] [--kafka BROKERS]

Boots the suite on this machine and measures calls through a tunnel against direct calls of the same server.
Takes about four minutes, at most six; --quick about one. docs/benchmarks.md says how to read the table.
`;

const full: BenchPlan = { rounds: 5, warmUpS: 15, sliceS: 3, fullLoadS: 30, sustainedS: 30 };
const quick: BenchPlan = { rounds: 2, warmUpS: 4, sliceS: 1.5, fullLoadS: 6, sustainedS: 6 };

/** Undefined: help was asked for. */
export function parseBenchOptions(args: readonly string[]): BenchOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean' },
      json: { type: 'boolean' },
      tail: { type: 'boolean' },
      kafka: { type: 'string' },
      help: { type: 'boolean' },
    },
    strict: true,
  });
  if (values.help === true) return undefined;
  return {
    json: values.json === true,
    tail: values.tail === true,
    plan: values.quick === true ? quick : full,
    suiteArgs: values.kafka === undefined ? [] : ['--kafka', values.kafka],
  };
}
