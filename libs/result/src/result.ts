/** A success with its value, or a failure with its reason. Exceptions are for bugs and broken infrastructure. */
export type Result<Value, Reason> = Success<Value> | Failure<Reason>;

export interface Success<Value> {
  readonly ok: true;
  readonly value: Value;
}

export interface Failure<Reason> {
  readonly ok: false;
  readonly reason: Reason;
}

export function ok<Value>(value: Value): Success<Value> {
  return { ok: true, value };
}

export function fail<const Reason>(reason: Reason): Failure<Reason> {
  return { ok: false, reason };
}
