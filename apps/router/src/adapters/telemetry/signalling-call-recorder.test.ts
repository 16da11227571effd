import { fail, ok, type Result } from '@sallyport/result';
import { describe, expect, it } from 'vitest';
import { type CallRecord, CallRecorder } from '../../ports/call-recorder.ts';
import type { CallSignals } from '../../signals.ts';
import { SignallingCallRecorder } from './signalling-call-recorder.ts';

const call = { subject: { callId: 'call_1' } } as CallRecord;
const decision = { effect: 'allow', policyId: '', policySha256: '', ruleId: '', reason: 'rule_allows' } as const;
const outcome = { status: 'ok', durationMs: 1, effect: 'reported' } as const;

class Fixed extends CallRecorder {
  readonly #answer: Result<void, never> | { ok: false; reason: 'unrecorded' };
  constructor(answer: Result<void, never> | { ok: false; reason: 'unrecorded' }) {
    super();
    this.#answer = answer;
  }
  override deny = () => Promise.resolve(this.#answer);
  override begin = () => Promise.resolve(this.#answer);
  override end = () => Promise.resolve(this.#answer);
}

function recorded(answer: ConstructorParameters<typeof Fixed>[0]) {
  const said: string[] = [];
  const signals = new Proxy(
    {},
    {
      get: (_target, name) => (_call: CallRecord, what: unknown) =>
        said.push(typeof what === 'string' ? `${String(name)} ${what}` : String(name)),
    },
  );
  return { recorder: new SignallingCallRecorder(new Fixed(answer), signals as CallSignals), said };
}

describe('signals of recorded calls', () => {
  it('tell what was recorded', async () => {
    const { recorder, said } = recorded(ok(undefined));
    await recorder.begin(call, decision, 1);
    await recorder.end(call, 'completed', outcome);
    await recorder.deny(call, decision);
    expect(said).toEqual(['begun', 'ended completed', 'denied']);
  });

  it('raise what could not be recorded, and hand the refusal on', async () => {
    const { recorder, said } = recorded(fail('unrecorded'));
    expect(await recorder.begin(call, decision, 1)).toEqual(fail('unrecorded'));
    expect(await recorder.end(call, 'failed', outcome)).toEqual(fail('unrecorded'));
    expect(said).toEqual(['unrecorded begin', 'ended failed', 'unrecorded failed']);
  });

  it('raise a write that is wrong, and hand the error on', async () => {
    const { recorder, said } = recorded(Promise.reject(new Error('wrong')) as never);
    await expect(recorder.end(call, 'failed', outcome)).rejects.toThrow('wrong');
    expect(said).toEqual(['unrecorded failed']);
  });
});
