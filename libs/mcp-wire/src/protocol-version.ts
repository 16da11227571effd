/** `legacy`: revisions with an `initialize` handshake, up to 2025-11-25. `modern`: per-request metadata, from 2026-07-28. */
export type Era = 'legacy' | 'modern';

/** Every revision before 2026-07-28. The list is closed: no more can appear. */
const legacyVersions: ReadonlySet<string> = new Set([
  '2024-10-07',
  '2024-11-05',
  '2025-03-26',
  '2025-06-18',
  '2025-11-25',
]);

const firstModernVersion = '2026-07-28';
const dated = /^\d{4}-\d{2}-\d{2}$/;

/** Era of a version claimed in `_meta`, which only modern messages carry: whatever is not a known legacy revision is modern. */
export function eraOfClaim(version: string): Era {
  return legacyVersions.has(version) || (dated.test(version) && version < firstModernVersion) ? 'legacy' : 'modern';
}

/** Era of a header without a claim in the body. Legacy traffic may carry any text here; only a modern date is modern. */
export function eraOfHeader(version: string): Era {
  return dated.test(version) && version >= firstModernVersion ? 'modern' : 'legacy';
}
