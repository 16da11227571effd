import { randomBytes } from 'node:crypto';

import { fail, ok, type Result } from '@sallyport/result';
import { z } from 'zod';

import { readIfThere, replaceFile } from './atomic-file.ts';

const text = z.string().min(1).max(512);
const stateSchema = z.object({
  version: z.literal(1),
  /** Part of the logs' origins; another one would be another ledger. */
  deploymentId: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/),
  /** Where events are kept. The ledger counts the records of one event log, so it cannot change. */
  eventLog: z.enum(['postgres', 'kafka']).optional(),
  /** Where the suite that runs, or ran last, listens. */
  routerUrl: text.optional(),
  controlUrl: text.optional(),
  workspaceId: text.optional(),
  apiKey: text.optional(),
  tunnelId: text.optional(),
  tunnelDomain: text.optional(),
  /** The demo's policy is set once; what its owner makes of it stays. */
  policyIsSet: z.boolean().optional(),
  environmentId: text.optional(),
  sessionId: text.optional(),
  /** The rules about the demo's environment, likewise. */
  sandboxPolicyIsSet: z.boolean().optional(),
});

/** What a suite must know again after a restart. It holds the demo's API key, so its file is for its owner alone. */
export type SuiteState = z.infer<typeof stateSchema>;

/** Undefined where there is no state yet; a file that cannot be understood is refused with what to do. */
export function readSuiteState(path: string): Result<SuiteState | undefined, string> {
  const written = readIfThere(path);
  if (written === undefined) return ok(undefined);
  try {
    const parsed = stateSchema.safeParse(JSON.parse(written));
    if (parsed.success) return ok(parsed.data);
  } catch {
    // said below: the parser's message would quote the file, which holds a key
  }
  return fail(`${path} is damaged: restore it from a backup, or start on another data directory with --data DIR`);
}

export function newSuiteState(): SuiteState {
  return { version: 1, deploymentId: randomBytes(12).toString('base64url') };
}

/** The state in memory and on disk, changed together. */
export class SuiteStateFile {
  readonly #path: string;
  #state: SuiteState;

  constructor(path: string, state: SuiteState) {
    this.#path = path;
    this.#state = state;
  }

  get state(): SuiteState {
    return this.#state;
  }

  change(part: Partial<SuiteState>): void {
    this.#state = { ...this.#state, ...part };
    replaceFile(this.#path, `${JSON.stringify(this.#state, undefined, 2)}\n`);
  }
}
