/**
 * Patterns of paths: `*` and `?` within a segment, `[a-z]`, `[!a]`, `{one,other}`, `**` for any number of segments, `\` before a character
 * that means itself. A segment that begins with a dot fits only what is written with one. The time is polynomial whatever the pattern, since who
 * writes it is not trusted: `path.matchesGlob` takes for ever on a few dozen braces.
 */
export type GlobPattern = (path: string) => boolean;

const alternativesMax = 256;
/** Finding what belongs to a brace reads on to the end of the pattern, for each and in each alternative. */
const bracesMax = 64;

type Token =
  | { readonly kind: 'character'; readonly character: string }
  | { readonly kind: 'any' }
  | { readonly kind: 'star' }
  | { readonly kind: 'class'; readonly negated: boolean; readonly ranges: readonly (readonly [string, string])[] };

/** `**`, or what one segment must look like. */
type Segment = '**' | readonly Token[];

/** Undefined where the pattern has more than 256 alternatives or 64 opening braces. */
export function compileGlob(pattern: string): GlobPattern | undefined {
  const alternatives: string[] = [];
  if (pattern.split('{').length - 1 > bracesMax) return undefined;
  if (!expandBraces('', pattern, alternatives)) return undefined;
  const compiled = alternatives.map((alternative) =>
    alternative
      .split('/')
      .filter((part) => part !== '' && part !== '.')
      .map((part): Segment => (part === '**' ? part : tokensOf(part))),
  );
  return (path) => {
    const parts = path.split('/');
    return compiled.some((segments) => fitsPath(segments, parts));
  };
}

/** Appends what `prefix + rest` stands for. False where that is too much. */
function expandBraces(prefix: string, rest: string, into: string[]): boolean {
  const braces = findBraces(rest);
  if (braces === undefined) return into.push(prefix + rest) <= alternativesMax;
  const before = prefix + rest.slice(0, braces.start);
  const after = rest.slice(braces.end + 1);
  return braces.options.every((option) => expandBraces(before, option + after, into));
}

/** The first braces that have a comma of their own. */
function findBraces(text: string): { start: number; end: number; options: string[] } | undefined {
  for (let start = 0; start < text.length; start++) {
    if (text[start] === '\\') start++;
    else if (text[start] === '{') {
      const found = optionsFrom(text, start);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

function optionsFrom(text: string, start: number): { start: number; end: number; options: string[] } | undefined {
  const options: string[] = [];
  let depth = 0;
  let from = start + 1;
  for (let at = start; at < text.length; at++) {
    const character = text[at];
    if (character === '\\') at++;
    else if (character === '{') depth++;
    else if (character === ',' && depth === 1) {
      options.push(text.slice(from, at));
      from = at + 1;
    } else if (character === '}' && --depth === 0) {
      options.push(text.slice(from, at));
      return options.length > 1 ? { start, end: at, options } : undefined;
    }
  }
  return undefined;
}

function tokensOf(part: string): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < part.length; at++) {
    const character = part.charAt(at);
    if (character === '*') {
      if (tokens.at(-1)?.kind !== 'star') tokens.push({ kind: 'star' });
    } else if (character === '?') tokens.push({ kind: 'any' });
    else if (character === '\\' && at + 1 < part.length)
      tokens.push({ kind: 'character', character: part.charAt(++at) });
    else {
      const parsed = character === '[' ? classAt(part, at) : undefined;
      tokens.push(parsed?.token ?? { kind: 'character', character });
      at = parsed?.end ?? at;
    }
  }
  return tokens;
}

function classAt(part: string, start: number): { token: Token; end: number } | undefined {
  const negated = part[start + 1] === '!' || part[start + 1] === '^';
  const first = start + (negated ? 2 : 1);
  const end = part.indexOf(']', first + 1); // a bracket that comes first means itself
  if (end < 0) return undefined;
  const ranges: [string, string][] = [];
  for (let at = first; at < end; at++) {
    const from = part.charAt(at);
    if (part[at + 1] === '-' && at + 2 < end) {
      ranges.push([from, part.charAt(at + 2)]);
      at += 2;
    } else ranges.push([from, from]);
  }
  return { token: { kind: 'class', negated, ranges }, end };
}

/** Both go from left to right and back to the last `**` only, so the work is at most one times the other. */
function fitsPath(segments: readonly Segment[], parts: readonly string[]): boolean {
  let segment = 0;
  let part = 0;
  let [backSegment, backPart] = [-1, -1];
  while (part < parts.length) {
    const wanted = segments[segment];
    if (wanted === '**') {
      [backSegment, backPart] = [segment, part];
      segment++;
    } else if (wanted !== undefined && fitsName(wanted, parts[part] ?? '')) {
      segment++;
      part++;
    } else if (backSegment >= 0 && !(parts[backPart] ?? '').startsWith('.')) {
      segment = backSegment + 1;
      part = ++backPart;
    } else return false;
  }
  return segment >= segments.length; // a `**` at the end stands for one segment at least
}

function fitsName(tokens: readonly Token[], name: string): boolean {
  const first = tokens[0];
  if (name.startsWith('.') && !(first?.kind === 'character' && first.character === '.')) return false;
  let token = 0;
  let at = 0;
  let [backToken, backAt] = [-1, -1];
  while (at < name.length) {
    const wanted = tokens[token];
    if (wanted?.kind === 'star') {
      [backToken, backAt] = [token, at];
      token++;
    } else if (wanted !== undefined && fitsCharacter(wanted, name.charAt(at))) {
      token++;
      at++;
    } else if (backToken >= 0) {
      token = backToken + 1;
      at = ++backAt;
    } else return false;
  }
  return tokens.slice(token).every(({ kind }) => kind === 'star');
}

function fitsCharacter(token: Token, character: string): boolean {
  switch (token.kind) {
    case 'character':
      return token.character === character;
    case 'class':
      return token.ranges.some(([from, to]) => from <= character && character <= to) !== token.negated;
    case 'any':
    case 'star':
      return true;
  }
}
