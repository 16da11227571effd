export { type InputProblem, parseToolInput, type ToolInput } from './parse-tool-input.ts';
export { type ToolDefinition, toolDefinitions, type ToolName } from './tool-definitions.ts';
export {
  bashOutputBytesMax,
  bashTimeoutMsDefault,
  bashTimeoutMsMax,
  globEntriesMax,
  grepOutputBytesMax,
  readBytesMax,
} from './tool-limits.ts';
