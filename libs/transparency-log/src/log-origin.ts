/** What tells one log from every other: an epoch ends where a log starts anew, and one log takes one partition of one topic. */
export interface LogName {
  /** Host name under which the log is known, say `sallyport.internal`. */
  readonly host: string;
  /** Random and kept for the life of a deployment. */
  readonly deployment: string;
  readonly epoch: number;
  readonly topic: string;
}

const originShape =
  /^([A-Za-z0-9.-]{1,253})\/audit\/([A-Za-z0-9_-]{1,64})\/([1-9]\d{0,8})\/([A-Za-z0-9._-]{1,200})\/p0$/;

/** `<host>/audit/<deployment>/<epoch>/<topic>/p0`, the first line of the log's checkpoints. Throws RangeError for parts that do not fit. */
export function logOrigin(name: LogName): string {
  const origin = `${name.host}/audit/${name.deployment}/${name.epoch}/${name.topic}/p0`;
  if (!originShape.test(origin)) throw new RangeError(`no origin of a log: ${origin}`);
  return origin;
}

/** The topic of an origin that `logOrigin` made; undefined for any other text, say the name of a witness. */
export function topicOfOrigin(origin: string): string | undefined {
  return originShape.exec(origin)?.[4];
}
