/** The table of a generation's leaves. The number comes from the database, never from a caller. */
export function leafTable(generation: number): string {
  if (!Number.isInteger(generation) || generation < 1) throw new RangeError(`no generation: ${generation}`);
  return `leaf_${generation}`;
}

export const leafKind = { event: 0, conflict: 1, unparseable: 2 } as const;

/** Leaves whose times stand in one row of `leaf_time`. */
export const leavesPerTimeBlock = 1024;
