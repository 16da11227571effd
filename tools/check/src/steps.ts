export interface Step {
  readonly name: string;
  readonly says: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly isVitest?: boolean;
}

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

const vitest = (name: string, says: string): Step => ({
  name,
  says,
  command: 'vitest',
  args: ['run', '--project', name],
  isVitest: true,
});

export const steps: readonly Step[] = [
  vitest('tidy', 'the rules of the house'),
  { name: 'format', says: 'formatting', command: 'oxfmt', args: ['--check'] },
  { name: 'lint', says: 'lint, with types', command: 'oxlint', args: ['--type-aware', '--deny-warnings'] },
  { name: 'typecheck', says: 'types', command: 'tsc', args: ['-p', 'tsconfig.json'] },
  {
    name: 'proto',
    says: 'contracts: lint, breaking changes, generated code',
    command: 'node',
    args: ['tools/proto/src/main.ts', '--check'],
  },
  {
    name: 'events',
    says: 'published event schemas',
    command: 'node',
    args: ['tools/event-schemas/src/main.ts', '--check'],
  },
  vitest('unit', 'pure tests'),
  vitest('integration', 'tests that need PostgreSQL, Kafka or processes'),
  vitest('e2e', 'scenarios on the whole suite, its event log in PostgreSQL'),
  vitest('e2e-kafka', 'the same scenarios of calls, faults and ledger, the event log on Kafka'),
  vitest('faults', 'the short form of the campaign of faults'),
];

/** What one step counted: a step that runs no tests counts as one. A run that failed without a failed test failed itself. */
export function countsOf(exitCode: number, vitestReport: string | undefined): Counts {
  if (vitestReport === undefined)
    return exitCode === 0 ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 };
  const report = JSON.parse(vitestReport) as {
    numPassedTests: number;
    numFailedTests: number;
    numPendingTests: number;
    numTodoTests: number;
  };
  const failed = report.numFailedTests > 0 || exitCode === 0 ? report.numFailedTests : 1;
  return { passed: report.numPassedTests, failed, skipped: report.numPendingTests + report.numTodoTests };
}

export function sumOf(counts: readonly Counts[]): Counts {
  const sum = { passed: 0, failed: 0, skipped: 0 };
  for (const { passed, failed, skipped } of counts) {
    sum.passed += passed;
    sum.failed += failed;
    sum.skipped += skipped;
  }
  return sum;
}
