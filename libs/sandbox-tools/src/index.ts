export { parseToolFields, parseToolInput, type ToolInputProblem } from './parse-tool-input.ts';
export { type ToolDefinition, toolDefinitions } from './tool-definitions.ts';
export type {
  BashInput,
  EditInput,
  GlobInput,
  GrepInput,
  ReadInput,
  TimeLimited,
  ToolInput,
  ToolName,
  WriteInput,
} from './tool-input.ts';
export { toolLimits, workspaceDirectory } from './tool-limits.ts';
