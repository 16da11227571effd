import type { ToolName } from './tool-input.ts';
import { toolLimits, workspaceDirectory } from './tool-limits.ts';

export interface ToolDefinition {
  readonly name: ToolName;
  /** For the model. */
  readonly description: string;
  readonly inputSchema: {
    readonly type: 'object';
    readonly properties: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
    readonly required?: readonly string[];
  };
}

const kib = (bytes: number): string => `${bytes / 1024} KiB`;
const seconds = (ms: number): string => `${ms / 1000} s`;
const places = `Paths are absolute, or relative to ${workspaceDirectory}; only ${workspaceDirectory} and /tmp can be used.`;

/** The tools of `agent_toolset_20260401` that run in a sandbox. */
export const toolDefinitions: readonly ToolDefinition[] = [
  {
    name: 'bash',
    description: [
      `Runs a command in the session's bash, which starts in ${workspaceDirectory}, and returns its standard output and error as one text.`,
      'The current directory, variables, functions, aliases and options persist from call to call, also after a timeout.',
      'Standard input is empty. The call is over when the command is: background processes end with it, so start a server and use it in one call.',
      `Of output beyond ${kib(toolLimits.outputBytesMax)} the start and the end are kept. There is no network.`,
      `A command is stopped after timeout_ms (default ${seconds(toolLimits.timeoutMsDefault)}, at most ${seconds(toolLimits.timeoutMsMax)}).`,
    ].join(' '),
    inputSchema: {
      type: 'object',
      properties: {
        command: { type: 'string', description: 'The command. Required unless restart is true.' },
        restart: { type: 'boolean', description: 'True: forget the state of the shell and end all processes first.' },
        timeout_ms: {
          type: 'integer',
          minimum: 1,
          maximum: toolLimits.timeoutMsMax,
          description: 'Time limit in milliseconds.',
        },
      },
    },
  },
  {
    name: 'read',
    description: `Returns the text of a file, at most ${kib(toolLimits.fileBytesMax)} of it. ${places}`,
    inputSchema: {
      type: 'object',
      properties: {
        file_path: { type: 'string' },
        view_range: {
          type: 'array',
          items: { type: 'integer' },
          minItems: 2,
          maxItems: 2,
          description: 'First and last line, counted from 1. A last line of 0 or less means the end of the file.',
        },
      },
      required: ['file_path'],
    },
  },
  {
    name: 'write',
    description: `Writes a file, replacing what is there; makes missing directories. ${places}`,
    inputSchema: {
      type: 'object',
      properties: { file_path: { type: 'string' }, content: { type: 'string' } },
      required: ['file_path', 'content'],
    },
  },
  {
    name: 'edit',
    description:
      `Replaces old_string by new_string in a file of at most ${kib(toolLimits.fileBytesMax)}. old_string must match exactly and occur once, ` +
      `unless replace_all is true. ${places}`,
    inputSchema: {
      type: 'object',
      properties: {
        file_path: { type: 'string' },
        old_string: { type: 'string' },
        new_string: { type: 'string' },
        replace_all: { type: 'boolean' },
      },
      required: ['file_path', 'old_string', 'new_string'],
    },
  },
  {
    name: 'glob',
    description:
      `Lists files whose path matches a pattern such as **/*.ts, the newest first, one a line, at most ${toolLimits.globPathsMax}. ` +
      `The pattern is relative to path (default ${workspaceDirectory}).`,
    inputSchema: {
      type: 'object',
      properties: { pattern: { type: 'string' }, path: { type: 'string' } },
      required: ['pattern'],
    },
  },
  {
    name: 'grep',
    description:
      `Searches files for lines that match a regular expression; prints path:line:text. Searches below path (default ${workspaceDirectory}) ` +
      `for at most ${seconds(toolLimits.grepTimeoutMs)}, and returns at most ${kib(toolLimits.outputBytesMax)}.`,
    inputSchema: {
      type: 'object',
      properties: { pattern: { type: 'string' }, path: { type: 'string' } },
      required: ['pattern'],
    },
  },
];
