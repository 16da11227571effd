/** What libFuzzer tells on its lines: `#4096 NEW cov: 210 ft: 400 corp: 31/2Kb lim: 64 exec/s: 1365 rss: 180Mb …`. */
export interface FuzzerProgress {
  readonly executions: number;
  /** Edges of the code under test that were reached. */
  readonly coverage: number;
  /** Features: edges with how often they were taken, and comparisons by how close they came. */
  readonly features: number;
  readonly corpusSize: number;
  readonly executionsPerSecond: number;
  readonly rssMb: number;
}

export const noProgress: FuzzerProgress = {
  executions: 0,
  coverage: 0,
  features: 0,
  corpusSize: 0,
  executionsPerSecond: 0,
  rssMb: 0,
};

/** The last values, with those that a line gives in their place. Other lines change nothing. */
export function withLine(before: FuzzerProgress, line: string): FuzzerProgress {
  const executions = /^#(\d+)\s/.exec(line)?.[1];
  if (executions === undefined) return before;
  const number = (name: string, fallback: number): number =>
    Number(new RegExp(`\\b${name}: (\\d+)`).exec(line)?.[1] ?? fallback);
  return {
    executions: Number(executions),
    coverage: number('cov', before.coverage),
    features: number('ft', before.features),
    corpusSize: number('corp', before.corpusSize),
    executionsPerSecond: number('exec/s', before.executionsPerSecond),
    rssMb: Math.max(before.rssMb, number('rss', 0)),
  };
}

/** The file that the fuzzer wrote an input to which broke a promise, ran too long or took too much memory. */
export function artifactOf(line: string): string | undefined {
  return /Test unit written to (.+)$/.exec(line)?.[1];
}
