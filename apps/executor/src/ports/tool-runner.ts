import type { Sandbox } from '@sallyport/sandbox';

import type { CallOutcome } from '../domain/protocol-messages.ts';

export interface ToolResult {
  readonly outcome: CallOutcome;
  readonly text: string;
  readonly isError: boolean;
  /** A stable code where the outcome is not `done`. */
  readonly code: string;
  /** For the log: why the sandbox did not run it. */
  readonly detail?: string;
}

/** Runs one tool in a sandbox. */
export abstract class ToolRunner {
  /** Does not reject for what a tool, its arguments or its sandbox do. An abort ends what runs and gives `cancelled`. */
  abstract run(
    sandbox: Sandbox,
    tool: { readonly name: string; readonly argumentsJson: Uint8Array },
    options: { readonly signal: AbortSignal; readonly onOutput: (data: Uint8Array) => void },
  ): Promise<ToolResult>;
}
