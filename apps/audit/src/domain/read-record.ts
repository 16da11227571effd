import { canonicalize, entryBytesMax, isCanonical, leafHash } from '@sallyport/transparency-log';

/** A record as the event log gives it. */
export interface IncomingRecord {
  readonly offset: bigint;
  readonly value: string;
}

/** What the ledger can search for. Empty where an event has no such field. */
export interface SearchFields {
  readonly type: string;
  /** RFC 3339, as it stands in the envelope. */
  readonly time: string;
  readonly callId: string;
  /** Place in the call, from 1; 0 where there is none. */
  readonly seq: number;
  readonly phase: string;
  readonly workspace: string;
  readonly tunnel: string;
  readonly tool: string;
  readonly principal: string;
}

export interface EventRecord {
  readonly kind: 'event';
  readonly offset: bigint;
  readonly hash: Buffer;
  readonly eventId: string;
  readonly source: string;
  readonly sequence: number;
  readonly fields: SearchFields;
  /** The canonical bytes, which are the leaf. */
  readonly body: string;
}

export type UnparseableReason = 'not-json' | 'not-canonical' | 'not-an-envelope' | 'too-large';

/** A record that is no event: it gets a leaf over its raw bytes all the same, so that nothing leaves the proof. */
export interface UnparseableRecord {
  readonly kind: 'unparseable';
  readonly offset: bigint;
  readonly hash: Buffer;
  readonly reason: UnparseableReason;
  /** What was hashed: the record's bytes, or, where they do not fit a leaf, a note of their size. */
  readonly leaf: Buffer;
}

export type ReadRecord = EventRecord | UnparseableRecord;

/** What a search field may hold; a longer one is left out of the search, never out of the leaf. */
const fieldCharactersMax = 256;
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const rfc3339 = /^(19|2\d)\d{2}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z$/;

/** Reads a record. Deterministic: the same record always gives the same leaf. */
export function readRecord(record: IncomingRecord): ReadRecord {
  const { offset, value } = record;
  if (value.length > entryBytesMax || Buffer.byteLength(value) > entryBytesMax) return tooLarge(record);
  const parsed = parseJson(value);
  if (parsed === undefined) return unparseable(record, 'not-json');
  if (!isCanonical(value, parsed)) return unparseable(record, 'not-canonical');
  const envelope = readEnvelope(parsed);
  if (envelope === undefined) return unparseable(record, 'not-an-envelope');
  return { kind: 'event', offset, hash: leafHash(value), body: value, ...envelope };
}

function unparseable({ offset, value }: IncomingRecord, reason: UnparseableReason): UnparseableRecord {
  const leaf = Buffer.from(value);
  return { kind: 'unparseable', offset, hash: leafHash(leaf), reason, leaf };
}

function tooLarge({ offset, value }: IncomingRecord): UnparseableRecord {
  const stub = canonicalize({
    bytes: Buffer.byteLength(value),
    offset: offset.toString(),
    type: 'sallyport.ledger.too_large.v1',
  });
  const leaf = Buffer.from(stub.ok ? stub.value : '');
  return { kind: 'unparseable', offset, hash: leafHash(leaf), reason: 'too-large', leaf };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

type Json = Readonly<Record<string, unknown>>;

function readEnvelope(parsed: unknown): Pick<EventRecord, 'eventId' | 'source' | 'sequence' | 'fields'> | undefined {
  const envelope = objectOf(parsed);
  const [id, source, type, time] = [envelope['id'], envelope['source'], envelope['type'], envelope['time']];
  const sequence = sequenceOf(envelope['sequence']);
  if (envelope['specversion'] !== '1.0' || typeof id !== 'string' || !uuid.test(id)) return undefined;
  if (!isField(source) || !isField(type) || !isTime(time) || sequence === undefined) return undefined;
  if (typeof envelope['data'] !== 'object') return undefined;
  return { eventId: id, source, sequence, fields: searchFields(type, time, objectOf(envelope['data'])) };
}

function searchFields(type: string, time: string, data: Json): SearchFields {
  const actor = objectOf(data['actor']);
  return {
    type,
    time,
    callId: fieldOf(data['callId']),
    seq: seqOf(data['seq']),
    phase: fieldOf(data['phase']),
    workspace: fieldOf(data['workspaceId']),
    tunnel: fieldOf(objectOf(data['route'])['tunnelId']) || fieldOf(data['tunnelId']),
    tool: fieldOf(objectOf(data['tool'])['name']),
    principal: fieldOf(actor['principalId']) || fieldOf(data['actorId']),
  };
}

function objectOf(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

/** PostgreSQL's text holds no NUL, which JSON's may. */
function isField(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= fieldCharactersMax && !value.includes('\0');
}

function fieldOf(value: unknown): string {
  return isField(value) ? value : '';
}

function seqOf(value: unknown): number {
  return typeof value === 'number' && value >= 1 && value <= 0x7fff_ffff ? value : 0;
}

function sequenceOf(value: unknown): number | undefined {
  if (typeof value !== 'string' || !/^\d{1,20}$/.test(value)) return undefined;
  const sequence = Number(value);
  return Number.isSafeInteger(sequence) && sequence >= 1 ? sequence : undefined;
}

function isTime(value: unknown): value is string {
  if (typeof value !== 'string' || !rfc3339.test(value)) return false;
  const timeMs = Date.parse(value);
  // 30 February parses as 1 March, and PostgreSQL would refuse it.
  return !Number.isNaN(timeMs) && new Date(timeMs).getUTCDate() === Number(value.slice(8, 10));
}
