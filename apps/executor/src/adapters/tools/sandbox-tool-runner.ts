import { runTool, type Sandbox, SandboxLostError, SandboxRefusedError } from '@sallyport/sandbox';
import { parseToolInput } from '@sallyport/sandbox-tools';

import { type ToolResult, ToolRunner } from '../../ports/tool-runner.ts';

/** The code of an answer that is not `done`, where the tool itself has none. */
const codes = { done: '', timed_out: 'tool_timeout', cancelled: 'cancelled' } as const;

/** The tools of the suite, run in a sandbox. The scheduler has checked their arguments; they are checked again, because nothing runs unchecked. */
export class SandboxToolRunner extends ToolRunner {
  override async run(
    sandbox: Sandbox,
    tool: { readonly name: string; readonly argumentsJson: Uint8Array },
    options: { readonly signal: AbortSignal; readonly onOutput: (data: Uint8Array) => void },
  ): Promise<ToolResult> {
    const input = parseToolInput(tool.name, tool.argumentsJson);
    if (!input.ok) {
      const { field, problem } = input.reason;
      return { outcome: 'refused', text: `${field}: ${problem}`, isError: true, code: 'invalid_arguments' };
    }
    try {
      const { outcome, text, isError } = await runTool(sandbox, input.value, options);
      return { outcome, text, isError, code: codes[outcome] };
    } catch (error) {
      if (error instanceof SandboxLostError)
        return { outcome: 'lost', text: '', isError: true, code: 'sandbox_died', detail: error.message };
      if (error instanceof SandboxRefusedError)
        return { outcome: 'refused', text: '', isError: true, code: `sandbox_${error.code}`, detail: error.message };
      throw error;
    }
  }
}
