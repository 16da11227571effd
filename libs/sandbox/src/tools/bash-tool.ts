import { bashOutputBytesMax } from '@sallyport/sandbox-tools';
import type { Sandbox } from '../sandbox-driver.ts';
import { done, outputText, type ToolOptions, type ToolResult } from './tool-result.ts';

const output = { headBytes: bashOutputBytesMax / 2, tailBytes: bashOutputBytesMax / 2 };

export async function runBash(
  sandbox: Sandbox,
  input: { readonly command: string | undefined; readonly restart: boolean; readonly timeoutMs: number },
  options: ToolOptions,
): Promise<ToolResult> {
  const { command, restart, timeoutMs } = input;
  if (restart) await sandbox.restartShell();
  if (command === undefined) return done('bash session restarted');
  const result = await sandbox.shell({ command, timeoutMs, output }, options);
  const text = outputText(result);
  const say = (line: string) => (text === '' ? line : `${text.replace(/\n$/, '')}\n${line}`);
  switch (result.outcome) {
    case 'exit':
      return result.code === 0 ? done(text) : done(say(`[exit code ${result.code}]`), true);
    case 'signal':
      return done(say(`[ended by signal ${result.code - 128}]`), true);
    case 'oom':
      return done(say('[ended: the memory of the sandbox was used up]'), true);
    case 'timeout':
      return {
        outcome: 'timed_out',
        isError: true,
        text: say(`[ended after ${timeoutMs} ms, its time limit; the shell goes on with what it had set]`),
      };
    case 'cancelled':
      return { outcome: 'cancelled', isError: true, text: say('[cancelled]') };
  }
}
