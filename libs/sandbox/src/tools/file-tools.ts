import { readBytesMax } from '@sallyport/sandbox-tools';
import type { Sandbox } from '../sandbox-driver.ts';
import { cancelled, done, fileProblem, type ToolOptions, type ToolResult } from './tool-result.ts';

const editBytesMax = 2 * 1024 * 1024;
const pieceBytes = 1024 * 1024;
/** What a search for lines reads at most. */
const lineScanBytesMax = 256 * 1024 * 1024;
const newlineByte = 0x0a;

export async function runRead(
  sandbox: Sandbox,
  { path, range }: { readonly path: string; readonly range: readonly [number, number] | undefined },
  { signal }: Pick<ToolOptions, 'signal'>,
): Promise<ToolResult> {
  const read = await sandbox.readFile(path, { offset: 0, length: readBytesMax });
  if (!read.ok) return fileProblem(path, read.reason.code);
  const { data, size } = read.value;
  if (data.includes(0)) return done(`${path}: a binary file of ${size} bytes; read shows text only`, true);
  if (range !== undefined) return await readLines(sandbox, path, range, signal);
  const text = new TextDecoder().decode(data);
  return done(size > data.length ? `${text}\n${more(data.length, size)}` : text);
}

/** Lines from 1, both ends belong to it, a last one of 0 or less is the end. The file is gone through in pieces, whatever its size. */
async function readLines(
  sandbox: Sandbox,
  path: string,
  [first, last]: readonly [number, number],
  signal: AbortSignal,
): Promise<ToolResult> {
  const chosen: Uint8Array[] = [];
  let chosenBytes = 0;
  let line = 1;
  for (let offset = 0; offset < lineScanBytesMax;) {
    if (signal.aborted) return cancelled;
    const read = await sandbox.readFile(path, { offset, length: pieceBytes });
    if (!read.ok) return fileProblem(path, read.reason.code);
    const { data, size } = read.value;
    for (let at = 0; at < data.length;) {
      const newline = data.indexOf(newlineByte, at);
      const end = newline < 0 ? data.length : newline + 1;
      if (line >= first) {
        chosen.push(data.subarray(at, end));
        chosenBytes += end - at;
      }
      if (newline >= 0) line += 1;
      if ((last > 0 && line > last) || chosenBytes > readBytesMax) return chosenText(chosen, chosenBytes);
      at = end;
    }
    offset += data.length;
    if (data.length === 0 || offset >= size) {
      if (line < first) return done(`${path}: it has ${line} lines`, true);
      return chosenText(chosen, chosenBytes);
    }
  }
  return done(`${path}: the lines lie beyond its first ${lineScanBytesMax / 1024 / 1024} MiB; use bash`, true);
}

function chosenText(chosen: readonly Uint8Array[], bytes: number): ToolResult {
  const text = new TextDecoder().decode(Buffer.concat(chosen).subarray(0, readBytesMax));
  return done(
    bytes > readBytesMax
      ? `${text}\n[… cut after ${readBytesMax} bytes: ask for fewer lines …]`
      : text.replace(/\n$/, ''),
  );
}

export async function runWrite(
  sandbox: Sandbox,
  { path, content }: { readonly path: string; readonly content: string },
): Promise<ToolResult> {
  const bytes = Buffer.from(content);
  const written = await sandbox.writeFile(path, bytes);
  return written.ok ? done(`wrote ${bytes.length} bytes to ${path}`) : fileProblem(path, written.reason.code);
}

export async function runEdit(
  sandbox: Sandbox,
  input: {
    readonly path: string;
    readonly oldText: string;
    readonly newText: string;
    readonly replaceAll: boolean;
  },
  { signal }: Pick<ToolOptions, 'signal'>,
): Promise<ToolResult> {
  const { path, oldText, newText, replaceAll } = input;
  const read = await sandbox.readFile(path, { offset: 0, length: editBytesMax });
  if (!read.ok) return fileProblem(path, read.reason.code);
  const { data, size } = read.value;
  if (size > data.length) return done(`${path}: it has ${size} bytes; edit takes files of up to ${editBytesMax}`, true);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data);
  } catch {
    return done(`${path}: it is no text in UTF-8, so edit would damage it`, true);
  }
  const count = text.split(oldText).length - 1;
  if (count === 0) return done(`${path}: old_string is not in it`, true);
  if (count > 1 && !replaceAll)
    return done(`${path}: old_string is in it ${count} times: give more of the text around it, or replace_all`, true);
  // A function, since "$&" and the like stand for something in a replacement text.
  const edited = replaceAll ? text.replaceAll(oldText, () => newText) : text.replace(oldText, () => newText);
  if (signal.aborted) return cancelled;
  const written = await sandbox.writeFile(path, Buffer.from(edited));
  if (!written.ok) return fileProblem(path, written.reason.code);
  return done(`replaced ${count === 1 ? 'one occurrence' : `${count} occurrences`} in ${path}`);
}

function more(shown: number, size: number): string {
  return `[… the first ${shown} of ${size} bytes; view_range shows other parts …]`;
}
