import type { ToolInput } from '@sallyport/sandbox-tools';
import type { Sandbox } from '../sandbox-driver.ts';
import { runBash } from './bash-tool.ts';
import { runEdit, runRead, runWrite } from './file-tools.ts';
import { runGlob, runGrep } from './search-tools.ts';
import type { ToolOptions, ToolResult } from './tool-result.ts';

/** Runs a tool in a sandbox: the same above every driver. Rejects with `SandboxLostError` or `SandboxRefusedError`. */
export function runTool(sandbox: Sandbox, input: ToolInput, options: ToolOptions): Promise<ToolResult> {
  switch (input.tool) {
    case 'bash':
      return runBash(sandbox, input, options);
    case 'read':
      return runRead(sandbox, input, options);
    case 'write':
      return runWrite(sandbox, input);
    case 'edit':
      return runEdit(sandbox, input, options);
    case 'glob':
      return runGlob(sandbox, input, options);
    case 'grep':
      return runGrep(sandbox, input, options);
  }
}
