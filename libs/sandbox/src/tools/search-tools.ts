import { setImmediate as turn } from 'node:timers/promises';
import { globEntriesMax, grepOutputBytesMax } from '@sallyport/sandbox-tools';
import type { ExecResult, FileEntry, Sandbox } from '../sandbox-driver.ts';
import { compileGlob, type GlobPattern } from './glob-pattern.ts';
import { cancelled, done, fileProblem, outputText, type ToolOptions, type ToolResult } from './tool-result.ts';

const walkEntriesMax = 100_000;
/** After so long other sessions get their turn, and after so long it is given up. */
const turnMs = 10;
const matchMsMax = 10_000;
const output = { headBytes: grepOutputBytesMax, tailBytes: 0 };
/** Says that nothing was found, for both programs. */
const nothingFoundCode = 1;
const noProgramCode = 127;

export async function runGlob(
  sandbox: Sandbox,
  { pattern, path }: { readonly pattern: string; readonly path: string },
  { signal }: Pick<ToolOptions, 'signal'>,
): Promise<ToolResult> {
  const fits = compileGlob(pattern);
  if (fits === undefined) return done(`${pattern}: it has too many braces, or alternatives in them`, true);
  const walked = await sandbox.walk(path, { entriesMax: walkEntriesMax });
  if (!walked.ok) return fileProblem(path, walked.reason.code);
  const { entries, truncated } = walked.value;
  const matched = await matching(entries, fits, signal);
  if (signal.aborted) return cancelled;
  if (matched === undefined)
    return done(`${pattern}: it takes more than ${matchMsMax / 1_000} s; use a simpler one`, true);
  const found = matched.toSorted((a, b) => b.mtimeMs - a.mtimeMs);
  const lines = found.slice(0, globEntriesMax).map((entry) => `${path.replace(/\/$/, '')}/${entry.path}`);
  if (found.length > globEntriesMax) lines.push(`[… ${found.length - globEntriesMax} more …]`);
  if (truncated) lines.push(`[… only the first ${walkEntriesMax} files of ${path} were looked at …]`);
  return done(lines.length === 0 ? 'no files fit the pattern' : lines.join('\n'));
}

/** Undefined where it takes too long, or is cancelled. */
async function matching(
  entries: readonly FileEntry[],
  fits: GlobPattern,
  signal: AbortSignal,
): Promise<FileEntry[] | undefined> {
  const found: FileEntry[] = [];
  const until = performance.now() + matchMsMax;
  let turnAtMs = performance.now() + turnMs;
  for (const entry of entries) {
    if (entry.type !== 'dir' && fits(entry.path)) found.push(entry);
    const nowMs = performance.now();
    if (nowMs < turnAtMs) continue;
    if (nowMs > until || signal.aborted) return undefined;
    await turn();
    turnAtMs = performance.now() + turnMs;
  }
  return found;
}

/** ripgrep where the runtime has it, else grep. The path is resolved inside first, so that a link leads nowhere that file tools do not reach. */
export async function runGrep(
  sandbox: Sandbox,
  { pattern, path, timeoutMs }: { readonly pattern: string; readonly path: string; readonly timeoutMs: number },
  options: ToolOptions,
): Promise<ToolResult> {
  const reached = await sandbox.readFile(path, { offset: 0, length: 0 });
  if (!reached.ok && reached.reason.code !== 'EISDIR') return fileProblem(path, reached.reason.code);
  const run = (argv: readonly string[]) =>
    sandbox.exec({ argv, cwd: '/workspace', env: {}, stdin: undefined, timeoutMs, output }, { signal: options.signal });
  const ripgrep = ['rg', '--no-config', '--line-number', '--no-heading', '--color=never', '-e', pattern, '--', path];
  let result = await run(ripgrep);
  if (result.outcome === 'exit' && result.code === noProgramCode)
    result = await run(['grep', '-rnIE', '-e', pattern, '--', path]);
  return grepResult(result, timeoutMs);
}

function grepResult(result: ExecResult, timeoutMs: number): ToolResult {
  const text = outputText(result);
  switch (result.outcome) {
    case 'timeout':
      return { outcome: 'timed_out', isError: true, text: `${text}\n[ended after ${timeoutMs} ms, its time limit]` };
    case 'cancelled':
      return { outcome: 'cancelled', isError: true, text };
    case 'exit':
      if (result.code === nothingFoundCode && text === '') return done('no matches');
      return done(text, result.code !== 0);
    case 'signal':
    case 'oom':
      return done(`${text}\n[the search was ended: ${result.outcome}]`, true);
  }
}
