import {
  bashOutputBytesMax,
  bashTimeoutMsDefault,
  bashTimeoutMsMax,
  globEntriesMax,
  readBytesMax,
} from './tool-limits.ts';

export type ToolName = 'bash' | 'read' | 'write' | 'edit' | 'glob' | 'grep';

/** A tool as an agent sees it. */
export interface ToolDefinition {
  readonly name: ToolName;
  readonly description: string;
  /** JSON Schema. Properties that it does not name pass. */
  readonly inputSchema: {
    readonly type: 'object';
    readonly properties: Readonly<Record<string, object>>;
    readonly required?: readonly string[];
  };
}

const [seconds, secondsMax, kib] = [bashTimeoutMsDefault / 1_000, bashTimeoutMsMax / 1_000, bashOutputBytesMax / 1024];
const path = 'Absolute, or relative to /workspace. Only /workspace and /tmp can be reached.';

/** The tools of the toolset `agent_toolset_20260401` that run in a sandbox (Managed Agents API), with our own words on limits. */
export const toolDefinitions: readonly ToolDefinition[] = [
  {
    name: 'bash',
    description:
      `Runs a command in bash. The working directory, variables, functions, aliases and options stay for the next call; ` +
      `every process, also in the background, ends when the call returns. Standard output and error come together; of more than ${kib} KiB ` +
      `the middle is left out. No network. A command gets ${seconds} s unless timeout_ms says otherwise.`,
    inputSchema: {
      type: 'object',
      properties: {
        command: { type: 'string', description: 'The command. Required unless restart is true.' },
        restart: { type: 'boolean', description: 'True forgets the state of the shell.' },
        timeout_ms: { type: 'integer', description: `Milliseconds, 1 to ${bashTimeoutMsMax} (${secondsMax} s).` },
      },
    },
  },
  {
    name: 'read',
    description: `Reads a text file, at most ${readBytesMax / 1024} KiB of it.`,
    inputSchema: {
      type: 'object',
      properties: {
        file_path: { type: 'string', description: path },
        view_range: {
          type: 'array',
          items: { type: 'integer' },
          minItems: 2,
          maxItems: 2,
          description: 'First and last line, counted from 1; a last line of 0 or less means to the end.',
        },
      },
      required: ['file_path'],
    },
  },
  {
    name: 'write',
    description: 'Writes a file, in place of what is there; makes the folders above it.',
    inputSchema: {
      type: 'object',
      properties: {
        file_path: { type: 'string', description: path },
        content: { type: 'string', description: 'The whole text.' },
      },
      required: ['file_path', 'content'],
    },
  },
  {
    name: 'edit',
    description: 'Replaces a text in a file. The old text must be there once, unless replace_all is true.',
    inputSchema: {
      type: 'object',
      properties: {
        file_path: { type: 'string', description: path },
        old_string: { type: 'string', description: 'The text to replace, exactly as it is in the file.' },
        new_string: { type: 'string', description: 'What to put there.' },
        replace_all: { type: 'boolean', description: 'Replaces every occurrence.' },
      },
      required: ['file_path', 'old_string', 'new_string'],
    },
  },
  {
    name: 'glob',
    description: `Lists files whose path fits a pattern such as src/**/*.ts, newest first, at most ${globEntriesMax}.`,
    inputSchema: {
      type: 'object',
      properties: {
        pattern: { type: 'string', description: 'Relative to path, without "..".' },
        path: { type: 'string', description: `The folder to look in, /workspace where it is missing. ${path}` },
      },
      required: ['pattern'],
    },
  },
  {
    name: 'grep',
    description: 'Looks for a regular expression in files, and gives file, line number and line of each match.',
    inputSchema: {
      type: 'object',
      properties: {
        pattern: { type: 'string', description: 'An extended regular expression.' },
        path: { type: 'string', description: `The file or folder to look in, /workspace where it is missing. ${path}` },
      },
      required: ['pattern'],
    },
  },
];
