/** One event as WHATWG HTML ("event stream interpretation") reads it, with what our reader tells besides. */
export interface ModelEvent {
  readonly data?: string;
  readonly event?: string;
  readonly id?: string;
  readonly retryMs?: number;
}

const valueBytesMax = 1024;
const byteOrderMark = '\u00ef\u00bb\u00bf';

/** Reads a whole stream the plain way. Text is Latin-1, one character a byte, so that bytes can be compared. */
export function sseModel(bytes: Uint8Array): readonly ModelEvent[] {
  const whole = Buffer.from(bytes).toString('latin1');
  const lines = (whole.startsWith(byteOrderMark) ? whole.slice(byteOrderMark.length) : whole).split(/\r\n|\r|\n/);
  lines.pop();
  const events: ModelEvent[] = [];
  let data: string[] | undefined;
  let fields: { event?: string; id?: string; retryMs?: number } = {};
  for (const line of lines) {
    if (line === '') {
      events.push({ ...(data === undefined ? {} : { data: data.join('\n') }), ...fields });
      data = undefined;
      fields = {};
      continue;
    }
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'data') (data ??= []).push(value);
    if (value.length > valueBytesMax) continue;
    if (name === 'event') fields.event = value;
    if (name === 'id' && !value.includes('\0')) fields.id = value;
    if (name === 'retry' && /^\d{1,9}$/.test(value)) fields.retryMs = Number(value);
  }
  return events;
}
