import { createInterface } from 'node:readline/promises';

/** Asks on a terminal. Where there is none, nobody could answer: what was asked for on the command line is then done. */
export async function confirm(question: string, signal: AbortSignal): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stdout.isTTY) return true;
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const answer = await terminal.question(`${question} [Y/n] `, { signal });
    return /^(?:y|yes|)$/i.test(answer.trim());
  } catch {
    return false;
  } finally {
    terminal.close();
  }
}
