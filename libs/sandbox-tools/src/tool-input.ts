/** What a tool is asked for, checked: no field that is missing, empty where it must not be, or out of its bounds. */
export type ToolInput = (BashInput | ReadInput | WriteInput | EditInput | GlobInput | GrepInput) & TimeLimited;

/** How long the tool may run, where that is a matter of the tool. */
export interface TimeLimited {
  readonly timeoutMs?: number;
}

export interface BashInput {
  readonly tool: 'bash';
  /** Missing only where `restart` is true. */
  readonly command?: string;
  readonly restart: boolean;
  readonly timeoutMs: number;
}

export interface ReadInput {
  readonly tool: 'read';
  /** Absolute. */
  readonly filePath: string;
  /** Lines from 1, both ends belong to it; an `end` of 0 or less is the end of the file. */
  readonly viewRange?: { readonly start: number; readonly end: number };
}

export interface WriteInput {
  readonly tool: 'write';
  readonly filePath: string;
  readonly content: string;
}

export interface EditInput {
  readonly tool: 'edit';
  readonly filePath: string;
  readonly oldString: string;
  readonly newString: string;
  readonly replaceAll: boolean;
}

export interface GlobInput {
  readonly tool: 'glob';
  /** Relative to `path`, without `..`. */
  readonly pattern: string;
  readonly path: string;
}

export interface GrepInput {
  readonly tool: 'grep';
  readonly pattern: string;
  readonly path: string;
  readonly timeoutMs: number;
}

export type ToolName = ToolInput['tool'];
