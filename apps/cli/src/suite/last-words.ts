const linesMax = 50;
const charactersMax = 400;

/** The last lines of a process, to say in one line why it ended. */
export class LastWords {
  readonly #lines: { readonly text: string; readonly fromStderr: boolean }[] = [];
  readonly #partial = { stdout: '', stderr: '' };

  add(stream: 'stdout' | 'stderr', text: string): void {
    const lines = (this.#partial[stream] + text).split('\n');
    this.#partial[stream] = (lines.pop() ?? '').slice(-4_096);
    for (const line of lines) {
      if (line.trim() === '') continue;
      this.#lines.push({ text: line.slice(0, 4_096), fromStderr: stream === 'stderr' });
      if (this.#lines.length > linesMax) this.#lines.shift();
    }
  }

  /** The first stderr line of the last run of them, else the last log line of level error or fatal; undefined where there is neither. */
  summary(): string | undefined {
    const logged = this.#lines.map(({ text }) => problemOf(text)).findLast((problem) => problem !== undefined);
    const plain = this.#lines
      .filter(({ fromStderr, text }) => fromStderr && isPlain(text))
      .map(({ text }) => text.trim());
    const configuration = plain.findIndex((line) => /has \d+ problem\(s\):$/.test(line));
    const said = configuration >= 0 ? plain.slice(configuration).join(' ') : (plain.find(isErrorLine) ?? plain.at(-1));
    return (said ?? logged)?.slice(0, charactersMax);
  }

  forget(): void {
    this.#lines.length = 0;
  }
}

function isPlain(text: string): boolean {
  return !text.startsWith('{') && !/^\s+at /.test(text) && !/^Node\.js v\d/.test(text) && !/^\s*\^+\s*$/.test(text);
}

function isErrorLine(text: string): boolean {
  return /^(?:[A-Za-z]*Error\b|[a-z-]+: )/.test(text);
}

function problemOf(line: string): string | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const entry = JSON.parse(line) as { level?: unknown; msg?: unknown; err?: { message?: unknown } };
    if (entry.level !== 'fatal' && entry.level !== 'error') return undefined;
    const parts = [entry.msg, entry.err?.message].filter((part) => typeof part === 'string');
    return parts.length === 0 ? undefined : parts.join(': ');
  } catch {
    return undefined;
  }
}
