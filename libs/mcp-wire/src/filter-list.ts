import { fail, ok, type Result } from '@sallyport/result';

import { applyEdits, type ByteEdit, type SplicedBytes } from './byte-edits.ts';
import { type JsonFaultCode, jsonFaultSentences } from './json-fault.ts';
import { type JsonLimits, JsonReader, type JsonSpan, textAt } from './json-reader.ts';
import { entryNames, envelopeNames, isAmbiguousKey, listNames } from './protocol-names.ts';
import { asBuffer } from './utf8.ts';

/** A list result's member and the member of its entries that policy decides on. */
export interface ListShape {
  readonly member: 'tools' | 'prompts' | 'resources' | 'resourceTemplates';
  readonly entryKey: 'name' | 'uri' | 'uriTemplate';
}

/** By the method whose result it is. */
export const listShapes: ReadonlyMap<string, ListShape> = new Map([
  ['tools/list', { member: 'tools', entryKey: 'name' }],
  ['prompts/list', { member: 'prompts', entryKey: 'name' }],
  ['resources/list', { member: 'resources', entryKey: 'uri' }],
  ['resources/templates/list', { member: 'resourceTemplates', entryKey: 'uriTemplate' }],
]);

export interface FilteredList extends SplicedBytes {
  readonly kept: readonly string[];
  readonly removed: readonly string[];
}

/** The list must be withheld: what it offers cannot be read without doubt. */
export interface ListRefusal {
  readonly code: JsonFaultCode | ListProblem;
  readonly offset: number;
  readonly sentence: string;
}

export interface FilterOptions extends JsonLimits {
  /** Entries of one list; each is asked about. */
  readonly entriesMax: number;
  /**
   * Mark the result `private` even if nothing was removed, for lists that another principal would see shorter: a shared
   * cache must not hand the long list to them.
   */
  readonly alwaysPrivate: boolean;
}

export const defaultFilterOptions: FilterOptions = {
  depthMax: 128,
  membersMax: 500_000,
  entriesMax: 10_000,
  alwaysPrivate: false,
};

type ListProblem = 'list_malformed' | 'list_too_long' | 'entry_malformed';

interface Entry extends JsonSpan {
  readonly name: string;
}

interface Outline {
  entries?: Entry[];
  cacheScope?: JsonSpan;
  /** Offset behind the result's opening brace. */
  resultOpen?: number;
  isModern: boolean;
  problem?: { code: ListProblem; offset: number };
}

/**
 * Removes the tools that policy denies from a `tools/list` answer, given as the JSON text of one message, and then sets
 * `cacheScope` to `private`. Other messages, and lists of which nothing is removed, come back as they are.
 */
export function filterToolList(
  message: Uint8Array,
  allowed: (name: string) => boolean,
  options: FilterOptions = defaultFilterOptions,
): Result<FilteredList, ListRefusal> {
  return filterList(message, { member: 'tools', entryKey: 'name' }, allowed, options);
}

/** `filterToolList` for any of the lists in `listShapes`. */
export function filterList(
  message: Uint8Array,
  shape: ListShape,
  allowed: (name: string) => boolean,
  options: FilterOptions = defaultFilterOptions,
): Result<FilteredList, ListRefusal> {
  const bytes = asBuffer(message);
  const reader = new JsonReader(bytes, options);
  const outline: Outline = { isModern: false };
  if (!reader.begin() || !readEnvelope(reader, shape, outline) || !reader.end()) {
    const { code, offset } = reader.fault ?? { code: 'malformed_json', offset: reader.pos };
    return fail({ code, offset, sentence: `${jsonFaultSentences[code]} (byte ${offset}).` });
  }
  if (outline.problem !== undefined) return fail(problemRefusal(outline.problem));
  const { entries } = outline;
  if (entries === undefined) return ok({ ...applyEdits(bytes, []), kept: [], removed: [] });
  if (entries.length > options.entriesMax) return fail(problemRefusal({ code: 'list_too_long', offset: bytes.length }));
  const verdicts = entries.map((entry) => allowed(entry.name));
  const edits = removals(entries, verdicts);
  if (edits.length > 0 || options.alwaysPrivate) edits.push(...privacy(bytes, outline));
  const kept = entries.filter((_, index) => verdicts[index] === true).map((entry) => entry.name);
  const removed = entries.filter((_, index) => verdicts[index] !== true).map((entry) => entry.name);
  return ok({ ...applyEdits(bytes, edits), kept, removed });
}

const problemSentences: Readonly<Record<ListProblem, string>> = {
  list_malformed: 'The list is not an array',
  list_too_long: 'The list has too many entries',
  entry_malformed: 'An entry of the list has no name',
};

function problemRefusal(problem: NonNullable<Outline['problem']>): ListRefusal {
  return { ...problem, sentence: `${problemSentences[problem.code]} (byte ${problem.offset}).` };
}

function readEnvelope(reader: JsonReader, shape: ListShape, outline: Outline): boolean {
  if (reader.peek() !== 0x7b) {
    outline.problem = { code: 'list_malformed', offset: reader.pos };
    return reader.skip();
  }
  return reader.readObject((key) => {
    if (isAmbiguousKey(key, envelopeNames)) return reader.refuse('ambiguous_key', reader.pos);
    return key === 'result' && reader.peek() === 0x7b ? readResult(reader, shape, outline) : reader.skip();
  });
}

function readResult(reader: JsonReader, shape: ListShape, outline: Outline): boolean {
  outline.resultOpen = reader.pos + 1;
  return reader.readObject((key) => {
    if (isAmbiguousKey(key, listNames)) return reader.refuse('ambiguous_key', reader.pos);
    if (key === 'resultType' || key === 'ttlMs' || key === 'cacheScope') outline.isModern = true;
    if (key === shape.member) return readEntries(reader, shape, outline);
    const span = reader.span();
    if (span !== undefined && key === 'cacheScope') outline.cacheScope = span;
    return span !== undefined;
  });
}

function readEntries(reader: JsonReader, shape: ListShape, outline: Outline): boolean {
  if (reader.peek() !== 0x5b) {
    outline.problem ??= { code: 'list_malformed', offset: reader.pos };
    return reader.skip();
  }
  const entries: Entry[] = [];
  outline.entries = entries;
  return reader.readArray(() => readEntry(reader, shape, outline, entries));
}

function readEntry(reader: JsonReader, shape: ListShape, outline: Outline, entries: Entry[]): boolean {
  const isObject = reader.peek() === 0x7b;
  const start = reader.pos;
  let name: string | undefined;
  const accepted = isObject
    ? reader.readObject((key) => {
        if (isAmbiguousKey(key, entryNames)) return reader.refuse('ambiguous_key', reader.pos);
        const span = reader.span();
        if (span !== undefined && key === shape.entryKey) name = textAt(reader.bytes, span);
        return span !== undefined;
      })
    : reader.skip();
  if (!accepted) return false;
  if (name === undefined || !name.isWellFormed()) outline.problem ??= { code: 'entry_malformed', offset: start };
  else entries.push({ name, start, end: reader.pos });
  return true;
}

/** Each entry that stays keeps the separator in front of it, except that the first to stay takes the first one's place. */
function removals(entries: readonly Entry[], verdicts: readonly boolean[]): ByteEdit[] {
  const edits: ByteEdit[] = [];
  let keptAny = false;
  for (const [index, entry] of entries.entries()) {
    if (verdicts[index] === true) {
      keptAny = true;
      continue;
    }
    const previous = entries[index - 1];
    const next = entries[index + 1];
    if (keptAny && previous !== undefined) edits.push({ start: previous.end, end: entry.end, text: '' });
    else edits.push({ start: entry.start, end: next?.start ?? entry.end, text: '' });
  }
  return edits;
}

/** MCP 2026-07-28 caching: only results of the modern era carry `cacheScope`, so only they get one. */
function privacy(bytes: Buffer, outline: Outline): ByteEdit[] {
  const { cacheScope, resultOpen } = outline;
  if (!outline.isModern || resultOpen === undefined) return [];
  if (cacheScope === undefined) return [{ start: resultOpen, end: resultOpen, text: '"cacheScope":"private",' }];
  return textAt(bytes, cacheScope) === 'private' ? [] : [{ ...cacheScope, text: '"private"' }];
}
