import { fail, ok, type Result } from '@sallyport/result';
import {
  bashTimeoutMsDefault,
  bashTimeoutMsMax,
  fileTimeoutMsMax,
  grepTimeoutMsMax,
  writeBytesMax,
} from './tool-limits.ts';

/** A tool's arguments as it takes them. `timeoutMs` is what the tool itself may take. */
export type ToolInput = { readonly timeoutMs: number } & (
  | { readonly tool: 'bash'; readonly command: string | undefined; readonly restart: boolean }
  | { readonly tool: 'read'; readonly path: string; readonly range: readonly [number, number] | undefined }
  | { readonly tool: 'write'; readonly path: string; readonly content: string }
  | {
      readonly tool: 'edit';
      readonly path: string;
      readonly oldText: string;
      readonly newText: string;
      readonly replaceAll: boolean;
    }
  | { readonly tool: 'glob'; readonly pattern: string; readonly path: string }
  | { readonly tool: 'grep'; readonly pattern: string; readonly path: string }
);

export interface InputProblem {
  /** The argument, or `arguments` for all of them. */
  readonly field: string;
  readonly problem: string;
}

type Fields = Readonly<Record<string, unknown>>;

const workspace = '/workspace';
const pathCharactersMax = 4_096;
const patternCharactersMax = 4_096;
const commandBytesMax = 1024 * 1024;

/** Reads the JSON object that an agent sent for a tool. Properties that the tool does not know pass. */
export function parseToolInput(tool: string, argumentsJson: Uint8Array): Result<ToolInput, InputProblem> {
  const fields = objectOf(argumentsJson);
  if (fields === undefined) return refuse('arguments', 'must be a JSON object');
  switch (tool) {
    case 'bash':
      return bash(fields);
    case 'read':
      return read(fields);
    case 'write':
      return write(fields);
    case 'edit':
      return edit(fields);
    case 'glob':
      return glob(fields);
    case 'grep':
      return grep(fields);
    default:
      return refuse('tool', `there is no tool of this name: there are bash, read, write, edit, glob and grep`);
  }
}

function bash({ command, restart, timeout_ms: timeout }: Fields): Result<ToolInput, InputProblem> {
  if (restart !== undefined && typeof restart !== 'boolean') return refuse('restart', 'must be true or false');
  if (command === undefined && restart !== true) return refuse('command', 'is missing');
  if (command !== undefined && (typeof command !== 'string' || command.includes('\0')))
    return refuse('command', 'must be a text without NUL characters');
  if (command !== undefined && Buffer.byteLength(command) > commandBytesMax)
    return refuse('command', `is longer than ${commandBytesMax} bytes: write it to a file and run that`);
  if (timeout !== undefined && !isInteger(timeout, 1, bashTimeoutMsMax))
    return refuse('timeout_ms', `must be an integer from 1 to ${bashTimeoutMsMax}`);
  const timeoutMs = timeout ?? bashTimeoutMsDefault;
  return ok({ tool: 'bash', command, restart: restart === true, timeoutMs });
}

function read(fields: Fields): Result<ToolInput, InputProblem> {
  const path = pathOf(fields, 'file_path');
  if (!path.ok) return path;
  const { view_range: range } = fields;
  if (range === undefined) return ok({ tool: 'read', path: path.value, range: undefined, timeoutMs: fileTimeoutMsMax });
  const lineMax = Number.MAX_SAFE_INTEGER;
  const [first, last] = Array.isArray(range) && range.length === 2 ? (range as readonly unknown[]) : [];
  if (!isInteger(first, 1, lineMax) || !isInteger(last, -lineMax, lineMax) || (last > 0 && last < first))
    return refuse('view_range', 'must be [first, last] with lines from 1, and last not before first or 0 for the end');
  return ok({ tool: 'read', path: path.value, range: [first, last], timeoutMs: fileTimeoutMsMax });
}

function write(fields: Fields): Result<ToolInput, InputProblem> {
  const path = pathOf(fields, 'file_path');
  if (!path.ok) return path;
  const { content } = fields;
  if (typeof content !== 'string') return refuse('content', 'must be a text');
  if (Buffer.byteLength(content) > writeBytesMax) return refuse('content', `is longer than ${writeBytesMax} bytes`);
  return ok({ tool: 'write', path: path.value, content, timeoutMs: fileTimeoutMsMax });
}

function edit(fields: Fields): Result<ToolInput, InputProblem> {
  const path = pathOf(fields, 'file_path');
  if (!path.ok) return path;
  const { old_string: oldText, new_string: newText, replace_all: all } = fields;
  if (typeof oldText !== 'string' || oldText === '') return refuse('old_string', 'must be a text that is not empty');
  if (typeof newText !== 'string') return refuse('new_string', 'must be a text');
  if (newText === oldText) return refuse('new_string', 'is the same as old_string');
  if (all !== undefined && typeof all !== 'boolean') return refuse('replace_all', 'must be true or false');
  const replaceAll = all === true;
  return ok({ tool: 'edit', path: path.value, oldText, newText, replaceAll, timeoutMs: fileTimeoutMsMax });
}

function glob(fields: Fields): Result<ToolInput, InputProblem> {
  const { pattern } = fields;
  if (typeof pattern !== 'string' || pattern === '' || pattern.length > patternCharactersMax)
    return refuse('pattern', `must be a text of 1 to ${patternCharactersMax} characters`);
  if (pattern.startsWith('/') || pattern.split('/').includes('..'))
    return refuse('pattern', 'must be relative and without "..": say in `path` where to look');
  const path = pathOf(fields, 'path', workspace);
  return path.ok ? ok({ tool: 'glob', pattern, path: path.value, timeoutMs: fileTimeoutMsMax }) : path;
}

function grep(fields: Fields): Result<ToolInput, InputProblem> {
  const { pattern } = fields;
  if (typeof pattern !== 'string' || pattern === '' || pattern.length > patternCharactersMax || pattern.includes('\0'))
    return refuse('pattern', `must be a text of 1 to ${patternCharactersMax} characters without NUL`);
  const path = pathOf(fields, 'path', workspace);
  return path.ok ? ok({ tool: 'grep', pattern, path: path.value, timeoutMs: grepTimeoutMsMax }) : path;
}

/** Relative paths are below the workspace. What a path leads to in the end, the sandbox says, links resolved. */
function pathOf(fields: Fields, name: string, preset?: string): Result<string, InputProblem> {
  const value = fields[name] ?? preset;
  if (value === undefined) return refuse(name, 'is missing');
  if (typeof value !== 'string' || value === '' || value.length > pathCharactersMax || value.includes('\0'))
    return refuse(name, `must be a path of 1 to ${pathCharactersMax} characters without NUL`);
  return ok(value.startsWith('/') ? value : `${workspace}/${value}`);
}

function objectOf(json: Uint8Array): Fields | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
  } catch {
    return undefined;
  }
}

function isInteger(value: unknown, min: number, max: number): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max;
}

function refuse(field: string, problem: string): Result<never, InputProblem> {
  return fail({ field, problem });
}
