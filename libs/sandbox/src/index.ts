export {
  type Capabilities,
  type CheckResult,
  type ExecOptions,
  type ExecRequest,
  type ExecResult,
  type FileContent,
  type FileEntry,
  type FileResult,
  type OutputLimits,
  Sandbox,
  SandboxDriver,
  type SandboxLimits,
  SandboxLostError,
  type SandboxRef,
  type SandboxRefusal,
  SandboxRefusedError,
  type SandboxSpec,
  type ShellRequest,
  type Tier,
  type Walk,
} from './sandbox-driver.ts';
export { namespaceTierChecks, type SandboxCheck, sandboxChecks } from './sandbox-checks.ts';
export { runTool } from './tools/run-tool.ts';
export type { ToolOptions, ToolResult } from './tools/tool-result.ts';
