import { fail, ok, type Result } from '@sallyport/result';
import type { ToolInput, ToolName } from './tool-input.ts';
import { toolLimits, workspaceDirectory } from './tool-limits.ts';

/** `field` is a name of the input, `(input)` or `(tool)`; `problem` is a sentence for the model, which can then ask again. */
export interface ToolInputProblem {
  readonly field: string;
  readonly problem: string;
}

type Fields = Readonly<Record<string, unknown>>;
type Parsed<Value> = Result<Value, ToolInputProblem>;

/** The arguments as JSON text in UTF-8, which must be an object. Properties that a tool does not know pass. */
export function parseToolInput(name: string, argumentsJson: Uint8Array): Parsed<ToolInput> {
  let input: unknown;
  try {
    input = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(argumentsJson));
  } catch {
    return refuse('(input)', 'the arguments are not JSON');
  }
  return parseToolFields(name, input);
}

/** The same for JSON that is parsed already. */
export function parseToolFields(name: string, input: unknown): Parsed<ToolInput> {
  const parse = Object.hasOwn(parsers, name) ? parsers[name as ToolName] : undefined;
  if (parse === undefined) {
    return refuse(
      '(tool)',
      `there is no tool ${JSON.stringify(name)}; the tools are ${Object.keys(parsers).join(', ')}`,
    );
  }
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    return refuse('(input)', 'the input must be an object');
  return parse(input as Fields);
}

const parsers: Readonly<Record<ToolName, (fields: Fields) => Parsed<ToolInput>>> = {
  bash: parseBash,
  read: parseRead,
  write: parseWrite,
  edit: parseEdit,
  glob: parseGlob,
  grep: parseGrep,
};

function parseBash(fields: Fields): Parsed<ToolInput> {
  const restart = flag(fields, 'restart');
  const timeoutMs = timeout(fields);
  if (!restart.ok) return restart;
  if (!timeoutMs.ok) return timeoutMs;
  const rest = { tool: 'bash', restart: restart.value, timeoutMs: timeoutMs.value } as const;
  if (isMissing(fields['command']))
    return restart.value ? ok(rest) : refuse('command', 'a command is required unless restart is true');
  const command = text(fields, 'command', toolLimits.textBytesMax);
  if (!command.ok) return command;
  return command.value.trim() === '' && !restart.value
    ? refuse('command', 'the command is empty')
    : ok({ ...rest, command: command.value });
}

function parseRead(fields: Fields): Parsed<ToolInput> {
  const filePath = path(fields, 'file_path');
  if (!filePath.ok) return filePath;
  const range = fields['view_range'];
  if (isMissing(range)) return ok({ tool: 'read', filePath: filePath.value });
  const [start, end]: readonly unknown[] = Array.isArray(range) && range.length === 2 ? range : [];
  if (!isInteger(start) || !isInteger(end))
    return refuse('view_range', 'view_range must be two integers, [start, end]');
  if (start < 1) return refuse('view_range', `lines are counted from 1, and start is ${start}`);
  if (end > 0 && end < start)
    return refuse('view_range', `end (${end}) is before start (${start}); use -1 for the end of the file`);
  return ok({ tool: 'read', filePath: filePath.value, viewRange: { start, end } });
}

function parseWrite(fields: Fields): Parsed<ToolInput> {
  const filePath = path(fields, 'file_path');
  if (!filePath.ok) return filePath;
  const content = text(fields, 'content', toolLimits.textBytesMax, { mayHoldNul: true });
  return content.ok ? ok({ tool: 'write', filePath: filePath.value, content: content.value }) : content;
}

function parseEdit(fields: Fields): Parsed<ToolInput> {
  const filePath = path(fields, 'file_path');
  if (!filePath.ok) return filePath;
  const oldString = text(fields, 'old_string', toolLimits.textBytesMax, { mayHoldNul: true });
  if (!oldString.ok) return oldString;
  const newString = text(fields, 'new_string', toolLimits.textBytesMax, { mayHoldNul: true });
  if (!newString.ok) return newString;
  const replaceAll = flag(fields, 'replace_all');
  if (!replaceAll.ok) return replaceAll;
  if (oldString.value === '') return refuse('old_string', 'old_string is empty; use write to make a new file');
  if (oldString.value === newString.value) return refuse('new_string', 'new_string is the same as old_string');
  return ok({
    tool: 'edit',
    filePath: filePath.value,
    oldString: oldString.value,
    newString: newString.value,
    replaceAll: replaceAll.value,
  });
}

function parseGlob(fields: Fields): Parsed<ToolInput> {
  const pattern = text(fields, 'pattern', toolLimits.patternBytesMax);
  if (!pattern.ok) return pattern;
  if (pattern.value === '') return refuse('pattern', 'the pattern is empty');
  if (pattern.value.startsWith('/'))
    return refuse('pattern', 'the pattern must be relative; name the directory in path');
  if (pattern.value.split('/').includes('..')) return refuse('pattern', 'the pattern must not contain ".."');
  const directory = path(fields, 'path', workspaceDirectory);
  return directory.ok ? ok({ tool: 'glob', pattern: pattern.value, path: directory.value }) : directory;
}

function parseGrep(fields: Fields): Parsed<ToolInput> {
  const pattern = text(fields, 'pattern', toolLimits.patternBytesMax);
  if (!pattern.ok) return pattern;
  if (pattern.value === '') return refuse('pattern', 'the pattern is empty');
  const directory = path(fields, 'path', workspaceDirectory);
  return directory.ok
    ? ok({ tool: 'grep', pattern: pattern.value, path: directory.value, timeoutMs: toolLimits.grepTimeoutMs })
    : directory;
}

function timeout(fields: Fields): Parsed<number> {
  const value = fields['timeout_ms'];
  if (isMissing(value)) return ok(toolLimits.timeoutMsDefault);
  return isInteger(value) && value >= 1 && value <= toolLimits.timeoutMsMax
    ? ok(value)
    : refuse('timeout_ms', `timeout_ms must be an integer of milliseconds from 1 to ${toolLimits.timeoutMsMax}`);
}

function flag(fields: Fields, field: string): Parsed<boolean> {
  const value = fields[field];
  if (isMissing(value)) return ok(false);
  return typeof value === 'boolean' ? ok(value) : refuse(field, `${field} must be true or false`);
}

function text(fields: Fields, field: string, bytesMax: number, options: { mayHoldNul?: boolean } = {}): Parsed<string> {
  const value = fields[field];
  if (isMissing(value)) return refuse(field, `${field} is required`);
  if (typeof value !== 'string') return refuse(field, `${field} must be a string`);
  if (options.mayHoldNul !== true && value.includes('\0')) return refuse(field, `${field} must not contain a NUL`);
  const bytes = new TextEncoder().encode(value).length;
  return bytes <= bytesMax ? ok(value) : refuse(field, `${field} has ${bytes} bytes; at most ${bytesMax} are taken`);
}

/** Absolute; a relative one is taken from the workspace. Where it leads is decided inside the sandbox. */
function path(fields: Fields, field: string, missing?: string): Parsed<string> {
  if (missing !== undefined && (isMissing(fields[field]) || fields[field] === '')) return ok(missing);
  const value = text(fields, field, toolLimits.pathBytesMax);
  if (!value.ok) return value;
  if (value.value === '') return refuse(field, `${field} is empty`);
  return ok(value.value.startsWith('/') ? value.value : `${workspaceDirectory}/${value.value}`);
}

function isMissing(value: unknown): value is undefined | null {
  return value === undefined || value === null;
}

function isInteger(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function refuse(field: string, problem: string): Parsed<never> {
  return fail({ field, problem });
}
