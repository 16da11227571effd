/** Why a byte sequence is not the strict JSON this library accepts (RFC 8259, plus unambiguous member names). */
export type JsonFaultCode =
  | 'empty_body'
  | 'byte_order_mark'
  | 'invalid_utf8'
  | 'malformed_json'
  | 'too_deep'
  | 'too_many_members'
  | 'duplicate_key'
  | 'ambiguous_key'
  | 'lone_surrogate';

export interface JsonFault {
  readonly code: JsonFaultCode;
  /** Offset in bytes of the first byte that shows the fault. */
  readonly offset: number;
}

/** One sentence per fault, without any byte of the input in it. */
export const jsonFaultSentences: Readonly<Record<JsonFaultCode, string>> = {
  empty_body: 'The body is empty',
  byte_order_mark: 'The body starts with a byte order mark',
  invalid_utf8: 'The body is not valid UTF-8',
  malformed_json: 'The body is not valid JSON',
  too_deep: 'The body is nested too deeply',
  too_many_members: 'The body has too many object members',
  duplicate_key: 'An object has the same member name twice',
  ambiguous_key: 'A member name differs from a protocol name in letter case alone, so parsers disagree on it',
  lone_surrogate: 'A member name contains an unpaired surrogate, so parsers disagree on it',
};
