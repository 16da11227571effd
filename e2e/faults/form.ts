/** How much the campaign does: the short form belongs to `npm test`, the full one to `npm run e2e:faults`. */
export interface Form {
  readonly name: 'short' | 'full';
  /** Events of calls, at least, over all kills. */
  readonly events: number;
  readonly kills: number;
  readonly mutations: number;
  /** Calls while nothing can be recorded. */
  readonly refusedCalls: number;
}

const short: Form = { name: 'short', events: 6_000, kills: 9, mutations: 60, refusedCalls: 100 };
const full: Form = { name: 'full', events: 1_000_000, kills: 50, mutations: 1_000, refusedCalls: 1_000 };

export const form: Form = process.env['FAULTS'] === 'full' ? full : short;

/** What a run found out, for the person who reads its output. */
export function report(scenario: string, figures: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`faults ${form.name} ${scenario}: ${JSON.stringify(figures)}\n`);
}
