import { readBytesMax } from '@sallyport/sandbox-tools';
import type { Sandbox } from '../sandbox-driver.ts';
import { done, fileProblem, type ToolResult } from './tool-result.ts';

const editBytesMax = 2 * 1024 * 1024;

export async function runRead(
  sandbox: Sandbox,
  { path, range }: { readonly path: string; readonly range: readonly [number, number] | undefined },
): Promise<ToolResult> {
  const lengthMax = range === undefined ? readBytesMax : editBytesMax;
  const read = await sandbox.readFile(path, { offset: 0, length: lengthMax });
  if (!read.ok) return fileProblem(path, read.reason.code);
  const { data, size } = read.value;
  if (data.includes(0)) return done(`${path}: a binary file of ${size} bytes; read shows text only`, true);
  const text = new TextDecoder().decode(data);
  if (range === undefined) return done(size > data.length ? `${text}\n${more(data.length, size)}` : text);
  const lines = text.split('\n');
  const [first, last] = range;
  if (first > lines.length) return done(`${path}: it has ${lines.length} lines`, true);
  const chosen = lines.slice(first - 1, last > 0 ? last : undefined).join('\n');
  const bytes = Buffer.from(chosen);
  if (bytes.length > readBytesMax)
    return done(`${bytes.toString('utf8', 0, readBytesMax)}\n${more(readBytesMax, bytes.length)}`);
  return done(chosen);
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
  const written = await sandbox.writeFile(path, Buffer.from(edited));
  if (!written.ok) return fileProblem(path, written.reason.code);
  return done(`replaced ${count === 1 ? 'one occurrence' : `${count} occurrences`} in ${path}`);
}

function more(shown: number, size: number): string {
  return `[… the first ${shown} of ${size} bytes; view_range shows other parts …]`;
}
