import type * as vitest from 'vitest';
import type { ExecResult, Sandbox } from './sandbox-driver.ts';

/** The part of vitest that the suite needs: handed in, so that this lib depends on no test runner. */
export type TestRunner = Pick<typeof vitest, 'describe' | 'it' | 'expect' | 'beforeAll' | 'afterAll'>;

/** What the parts of the suite share: one sandbox, and short ways to run something in it. */
export interface Bed {
  readonly sandbox: () => Sandbox;
  readonly shell: (command: string, options?: RunOptions) => Promise<Ended>;
  readonly exec: (argv: readonly string[], options?: RunOptions & { readonly stdin?: Uint8Array }) => Promise<Ended>;
}

export interface RunOptions {
  readonly timeoutMs?: number;
  readonly headBytes?: number;
  readonly tailBytes?: number;
  readonly signal?: AbortSignal;
  readonly onOutput?: (data: Uint8Array) => void;
}

export interface Ended extends ExecResult {
  /** Head and tail, where nothing was left out between them. */
  readonly text: string;
}

/** A signal that nobody aborts. */
export const never = new AbortController().signal;

export function bedOf(sandbox: () => Sandbox): Bed {
  const limitsOf = ({ headBytes = 65_536, tailBytes = 65_536, timeoutMs = 20_000 }: RunOptions) => ({
    timeoutMs,
    output: { headBytes, tailBytes },
  });
  const optionsOf = ({ signal = never, onOutput }: RunOptions) => ({
    signal,
    ...(onOutput === undefined ? {} : { onOutput }),
  });
  const withText = (result: ExecResult): Ended => ({
    ...result,
    text: Buffer.concat([result.head, result.tail]).toString(),
  });
  return {
    sandbox,
    shell: async (command, options = {}) =>
      withText(await sandbox().shell({ command, ...limitsOf(options) }, optionsOf(options))),
    exec: async (argv, options = {}) =>
      withText(
        await sandbox().exec(
          { argv, cwd: '/workspace', env: {}, stdin: options.stdin, ...limitsOf(options) },
          optionsOf(options),
        ),
      ),
  };
}
