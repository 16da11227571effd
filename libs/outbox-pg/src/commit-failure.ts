/**
 * What a failed commit statement means.
 * - `unknown`: no answer; the transaction may have been committed.
 * - All others: the server answered with an error, so the transaction was rolled back.
 */
export type CommitFailure = 'unknown' | 'fenced' | 'call_not_open' | 'try_again' | 'unavailable' | 'bad_write';

/** SQLSTATE classes: PostgreSQL manual, appendix A. */
const failureByClass: Readonly<Record<string, CommitFailure>> = {
  '40': 'try_again',
  '25': 'unavailable',
  '53': 'unavailable',
  '54': 'bad_write',
  '55': 'unavailable',
  '57': 'unavailable',
  '58': 'unavailable',
};

export function commitFailureOf(error: unknown): CommitFailure {
  const code = sqlStateOf(error);
  // A FATAL ends the connection and may come after the commit; an ERROR rolls back.
  if (code === undefined || severityOf(error) !== 'ERROR') return 'unknown';
  if (code === 'SP001') return 'fenced';
  if (code === 'SP002') return 'call_not_open';
  return failureByClass[code.slice(0, 2)] ?? 'bad_write';
}

export function sqlStateOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

function severityOf(error: unknown): unknown {
  return error instanceof Error && 'severity' in error ? error.severity : undefined;
}
