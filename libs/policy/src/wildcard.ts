/**
 * Whether `text` fits a pattern in which `*` stands for any run of characters, also none. The parts between stars are looked for one after the
 * other, each as far left as it can be: no backtracking, and the search is the engine's own.
 */
export function matchesWildcard(pattern: string, text: string): boolean {
  if (pattern === '*') return true;
  const firstStar = pattern.indexOf('*');
  if (firstStar < 0) return pattern === text;
  const lastStar = pattern.lastIndexOf('*');
  const end = text.length - (pattern.length - lastStar - 1);
  if (end < firstStar || !text.startsWith(pattern.slice(0, firstStar)) || !text.endsWith(pattern.slice(lastStar + 1)))
    return false;
  let at = firstStar;
  for (let from = firstStar + 1; from <= lastStar;) {
    const star = pattern.indexOf('*', from);
    const found = text.indexOf(pattern.slice(from, star), at);
    if (found < 0 || found + star - from > end) return false;
    at = found + star - from;
    from = star + 1;
  }
  return true;
}
