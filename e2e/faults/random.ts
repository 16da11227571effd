/** Reproducible: the seed is printed, and `FAULTS_SEED` sets it. */
export const seed = Number(process.env['FAULTS_SEED'] ?? Date.now() % 2 ** 31);

/** Numbers from [0, 1), the same for the same seed (mulberry32). */
export function randomNumbers(from: number = seed): () => number {
  let state = from >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function integerBelow(limit: number, random: () => number): number {
  return Math.floor(random() * limit);
}
