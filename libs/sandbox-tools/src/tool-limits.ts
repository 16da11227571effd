/** Limits of the tools, as the model is told and as they are held. */
export const toolLimits = {
  timeoutMsDefault: 120_000,
  timeoutMsMax: 600_000,
  /** Of a command's or a search's output. */
  outputBytesMax: 100 * 1024,
  /** Of a file that is read or edited. */
  fileBytesMax: 256 * 1024,
  /** Of a command, a file's content, a string to replace. */
  textBytesMax: 8 * 1024 * 1024,
  pathBytesMax: 4_095,
  patternBytesMax: 4_096,
  globPathsMax: 200,
  grepTimeoutMs: 60_000,
} as const;

/** What relative paths are relative to, and where a shell starts. */
export const workspaceDirectory = '/workspace';
