import type { ExecResult } from '../sandbox-driver.ts';

/** What a tool gives to the agent. */
export interface ToolResult {
  readonly outcome: 'done' | 'timed_out' | 'cancelled';
  readonly text: string;
  /** The tool itself failed, for example a command with an exit code other than 0. */
  readonly isError: boolean;
}

export interface ToolOptions {
  readonly signal: AbortSignal;
  /** What a command writes, as it writes it. */
  readonly onOutput: (data: Uint8Array) => void;
}

const emptyText = '(no output)';
/** ECMA-48 control sequences, and the shorter ones that move a cursor or set a title: they tell an agent nothing. */
// eslint-disable-next-line no-control-regex -- control characters are what is looked for
const escapeSequences = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;

export function done(text: string, isError = false): ToolResult {
  return { outcome: 'done', text: text === '' ? emptyText : text, isError };
}

/** Nothing more is done for a call that was cancelled. */
export const cancelled: ToolResult = { outcome: 'cancelled', text: '', isError: true };

/** What a program wrote, as text: the middle left out where it was too much, and said so. Bytes that are no UTF-8 become U+FFFD. */
export function outputText({ head, tail, omittedBytes }: ExecResult): string {
  const text =
    omittedBytes === 0
      ? decode(Buffer.concat([head, tail]))
      : `${decode(head)}\n[… ${omittedBytes} bytes of output left out …]\n${decode(tail)}`;
  return text.replaceAll(escapeSequences, '');
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  ENOTDIR: 'a part of the path is no folder',
  EISDIR: 'it is a folder',
  EACCES: 'it may not be read or written',
  EPERM: 'it may not be read or written',
  EXDEV: 'it is outside of /workspace and /tmp, links resolved: only these can be reached with file tools',
  ELOOP: 'it has too many symbolic links',
  ENOSPC: 'no space is left',
  EDQUOT: 'no space is left',
  EFBIG: 'it is too large',
  ENAMETOOLONG: 'the path is too long',
  EROFS: 'it is on a read-only file system',
};

/** A refusal of the file system, for the agent. */
export function fileProblem(path: string, code: string): ToolResult {
  return done(`${path}: ${reasons[code] ?? `the file system refused it (${code})`}`, true);
}
