import { parseGoDurationMs } from './go-duration.ts';

/** Everything that is wrong with a file, and everything that is only odd: all of it is reported at once. */
export interface ConfigReport {
  readonly problems: string[];
  readonly warnings: string[];
}

/** The fields of one YAML mapping. Every fault is reported with its path and what to write instead; reads then give the fallback. */
export class ConfigFields {
  readonly path: string;
  readonly report: ConfigReport;
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #read = new Set<string>();

  /** `value` of any shape: what is not a mapping is reported and read as an empty one. */
  constructor(value: unknown, path: string, report: ConfigReport) {
    this.path = path;
    this.report = report;
    const isMapping = typeof value === 'object' && value !== null && !Array.isArray(value);
    this.#values = isMapping ? (value as Record<string, unknown>) : {};
    if (!isMapping) report.problems.push(`${path === '' ? 'the file' : path}: must be a mapping of keys to values`);
  }

  has(key: string): boolean {
    return this.#values[key] !== undefined && this.#values[key] !== null;
  }

  any(key: string): unknown {
    this.#read.add(key);
    return this.#values[key] ?? undefined;
  }

  text(key: string): string | undefined {
    const value = this.any(key);
    if (value === undefined) return undefined;
    if (typeof value === 'string') return value;
    if (typeof value === 'number') return String(value);
    this.problem(key, 'must be text');
    return undefined;
  }

  requiredText(key: string, what: string): string {
    const value = this.text(key);
    if (value === undefined || value === '') this.problem(key, `is missing; ${what}`);
    return value ?? '';
  }

  flag(key: string, fallback: boolean): boolean {
    const value = this.any(key);
    if (value === undefined) return fallback;
    if (typeof value === 'boolean') return value;
    this.problem(key, 'must be true or false');
    return fallback;
  }

  integer(key: string, bounds: { readonly min: number; readonly max: number; readonly fallback: number }): number {
    const value = this.any(key);
    if (value === undefined) return bounds.fallback;
    if (typeof value === 'number' && Number.isInteger(value) && value >= bounds.min && value <= bounds.max)
      return value;
    this.problem(key, `must be a whole number from ${bounds.min} to ${bounds.max}`);
    return bounds.fallback;
  }

  durationMs(key: string, fallbackMs: number, maxMs: number): number {
    const value = this.any(key);
    if (value === undefined) return fallbackMs;
    const parsed = parseGoDurationMs(value);
    if (parsed !== undefined && parsed <= maxMs) return parsed;
    this.problem(key, `must be a duration such as 30s or 1m30s, at most ${maxMs / 1000}s`);
    return fallbackMs;
  }

  /** A list of texts; one text counts as a list of one, its commas as separators. */
  texts(key: string): readonly string[] {
    const value = this.any(key);
    if (value === undefined) return [];
    if (typeof value === 'string') return value.split(',').map((part) => part.trim());
    if (Array.isArray(value) && value.every((part) => typeof part === 'string')) return value;
    this.problem(key, 'must be a list of texts');
    return [];
  }

  list(key: string): readonly unknown[] {
    const value = this.any(key);
    if (value === undefined) return [];
    if (Array.isArray(value)) return value;
    this.problem(key, 'must be a list');
    return [];
  }

  problem(key: string, what: string): void {
    this.report.problems.push(`${this.#at(key)}: ${what}`);
  }

  warning(key: string, what: string): void {
    this.report.warnings.push(`${this.#at(key)}: ${what}`);
  }

  /** Warns of every key that nobody read and that is not in `ignored`. */
  warnOfUnknown(ignored: ReadonlySet<string>): void {
    for (const key of Object.keys(this.#values)) {
      if (!this.#read.has(key) && !ignored.has(key)) this.warning(key, 'unknown key, ignored');
    }
  }

  #at(key: string): string {
    return this.path === '' ? key : `${this.path}.${key}`;
  }
}
