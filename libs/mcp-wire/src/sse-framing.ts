import { asBuffer } from './utf8.ts';

/** One event that carries a message we made ourselves (a gateway error after the stream has begun). */
export function frameSseMessage(data: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from('event: message\n'), dataLines(asBuffer(data), '\n'), Buffer.from('\n')]);
}

/**
 * The event with its data replaced: the new `data` lines stand where the first one stood, every other line (`event`,
 * `id`, `retry`, comments, unknown fields) stays byte for byte. Line endings stay too, but for a lone CR, which becomes
 * LF: taking a line away could otherwise put it in front of an LF and make one ending of two.
 */
export function reframeSseEvent(raw: Uint8Array, data: Uint8Array): Buffer {
  const bytes = asBuffer(raw);
  const out: Buffer[] = [];
  let replaced = false;
  for (const line of linesOf(bytes)) {
    if (!isDataLine(line.text)) {
      out.push(line.whole);
      continue;
    }
    if (!replaced) out.push(dataLines(asBuffer(data), line.ending));
    replaced = true;
  }
  return Buffer.concat(out);
}

function dataLines(data: Buffer, ending: string): Buffer {
  // Data lines are joined with LF by the reader, so a CR inside would come back as another byte: it must not be split
  // differently than an LF. In JSON both are white space between tokens only.
  const lines = data.toString('latin1').split(/\r\n|\r|\n/);
  return Buffer.from(lines.map((line) => `data: ${line}${ending}`).join(''), 'latin1');
}

const lineFeed = Buffer.from('\n');

interface Line {
  readonly whole: Buffer;
  readonly text: string;
  readonly ending: string;
}

function linesOf(bytes: Buffer): Line[] {
  const text = bytes.toString('latin1');
  const lines: Line[] = [];
  for (const match of text.matchAll(/([^\r\n]*)(\r\n|\r|\n)/g)) {
    const [whole, line = '', ending = ''] = match;
    const kept = bytes.subarray(match.index, match.index + whole.length);
    if (ending === '\r')
      lines.push({ whole: Buffer.concat([kept.subarray(0, -1), lineFeed]), text: line, ending: '\n' });
    else lines.push({ whole: kept, text: line, ending });
  }
  return lines;
}

function isDataLine(text: string): boolean {
  // A byte order mark may stand before the first line of the stream.
  const name = text.startsWith('\u00ef\u00bb\u00bf') ? text.slice(3) : text;
  return name === 'data' || name.startsWith('data:');
}
