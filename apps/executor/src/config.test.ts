import { type ConfigurationProblems, parseConfig } from '@sallyport/config';
import { describe, expect, it } from 'vitest';

import { executorConfigSections, slotsOf } from './config.ts';

const least = {
  EXECUTOR_SCHEDULER_ADDRESS: 'scheduler:7000',
  EXECUTOR_ENVIRONMENT_KEY_FILE: '/keys/environment',
  EXECUTOR_TLS_CERT_FILE: 'c',
  EXECUTOR_TLS_KEY_FILE: 'k',
  EXECUTOR_TLS_CA_FILE: 'a',
  EXECUTOR_STATE_DIR: '/state',
  EXECUTOR_CACHE_DIR: '/cache',
};

function problems(env: Record<string, string>): readonly string[] {
  try {
    parseConfig(executorConfigSections, env);
    return [];
  } catch (error) {
    return (error as ConfigurationProblems).problems;
  }
}

describe('the configuration of an executor', () => {
  it('needs a scheduler, a key, certificates and two directories, and has a default for the rest', () => {
    const { scheduler, sandboxes, drain } = parseConfig(executorConfigSections, least);
    expect(scheduler).toMatchObject({ region: '', labels: {} });
    expect(sandboxes).toMatchObject({
      driver: 'namespace',
      limits: { memoryMib: 1_024, pids: 256, cpuMillis: 1_000, workspaceMib: 512 },
      insecureNoIsolation: false,
    });
    expect(sandboxes.slots).toBeGreaterThanOrEqual(1);
    expect(drain.drainMs).toBe(10_000);
    expect(problems({})).toHaveLength(Object.keys(least).length);
  });

  it('reads labels', () => {
    const { scheduler } = parseConfig(executorConfigSections, { ...least, EXECUTOR_LABELS: 'disk=nvme,gpu=' });
    expect(scheduler.labels).toEqual({ disk: 'nvme', gpu: '' });
  });

  it.each([
    ['EXECUTOR_LABELS', 'nvme'],
    ['EXECUTOR_LABELS', '=x'],
    ['EXECUTOR_LABELS', 'a=b c'],
    ['EXECUTOR_REGION', 'eu west'],
    ['EXECUTOR_SLOTS', '1001'],
    ['EXECUTOR_SLOTS', '1.5'],
    ['EXECUTOR_DRIVER', 'none'],
    ['EXECUTOR_MEMORY_MIB', '63'],
    ['EXECUTOR_PIDS', '0'],
    ['EXECUTOR_INSECURE_NO_ISOLATION', 'yes'],
  ])('refuses %s=%s', (name, value) => {
    const found = problems({ ...least, [name]: value });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(new RegExp(`^${name}`));
  });

  it('takes slots by cores and memory, at least one', () => {
    expect(slotsOf(2, 16_384, 1_536)).toBe(8);
    expect(slotsOf(2, 4_096, 1_536)).toBe(2);
    expect(slotsOf(64, 1_000_000, 1_536)).toBe(32);
    expect(slotsOf(1, 512, 1_536)).toBe(1);
  });
});
