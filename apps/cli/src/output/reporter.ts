import { auditJson, auditLine, type LedgerEvent } from './audit-event.ts';
import { type ReadyInfo, readyLine, readyText } from './ready-text.ts';

export interface Output {
  /** Writes a line to standard output. */
  line(text: string): void;
  /** Writes a line to standard error. */
  problem(text: string): void;
}

/** What a run of the suite says: lines for a person, or, with `--json`, one JSON object a line. */
export class Reporter {
  readonly #output: Output;
  readonly #json: boolean;

  constructor(output: Output, json: boolean) {
    this.#output = output;
    this.#json = json;
  }

  step(text: string): void {
    this.#say({ event: 'step', text }, text);
  }

  ready(info: ReadyInfo): void {
    this.#say(readyLine(info), readyText(info));
  }

  audit(event: LedgerEvent): void {
    this.#say(auditJson(event), auditLine(event));
  }

  /** One finding of the demo. */
  demo(title: string, details: readonly string[] = []): void {
    this.#say({ event: 'demo', title, details }, [title, ...details.map((detail) => `    ${detail}`)].join('\n'));
  }

  processEnded(service: string, why: string, restartInMs: number): void {
    this.#warn(
      { event: 'process_ended', service, why, restartInMs },
      `${why}; it is started again in ${restartInMs} ms`,
    );
  }

  processReady(service: string, pid: number): void {
    this.#warn({ event: 'process_ready', service, pid }, `${service} runs again (pid ${pid})`);
  }

  /** What a person should know and the run can do without. */
  warning(message: string): void {
    this.#warn({ event: 'warning', message }, message);
  }

  /** Why the run ends. */
  problem(message: string): void {
    this.#output.problem(this.#json ? JSON.stringify({ event: 'error', message }) : `sallyport: ${message}`);
  }

  /** The last line of `--once`: JSON in either form. */
  summary(value: Readonly<Record<string, unknown>>): void {
    this.#output.line(JSON.stringify(value));
  }

  #say(line: object, text: string): void {
    this.#output.line(this.#json ? JSON.stringify(line) : text);
  }

  #warn(line: object, text: string): void {
    if (this.#json) this.#output.line(JSON.stringify(line));
    else this.#output.problem(`sallyport: ${text}`);
  }
}
