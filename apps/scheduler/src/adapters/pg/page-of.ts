import type { Page } from '../../ports/environments.ts';

/** One row more than the page was read, to know whether there is a next one. */
export function pageOf<Row extends { readonly position: string }, View>(
  rows: readonly Row[],
  limit: number,
  toView: (row: Row) => View,
): Page<View> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const next = rows.length > limit && last !== undefined ? BigInt(last.position) : undefined;
  return { views: shown.map(toView), next };
}
