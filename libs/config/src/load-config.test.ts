import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ConfigurationProblems, parseConfig } from './load-config.ts';

const sections = {
  http: z.object({ APP_PORT: z.coerce.number().int().max(65_535) }).transform((env) => ({ port: env.APP_PORT })),
  log: z.object({ APP_LEVEL: z.enum(['info', 'warn']).default('info') }),
};

describe('parseConfig', () => {
  it('gives one nested object and takes an empty variable as missing', () => {
    expect(parseConfig(sections, { APP_PORT: '80', APP_LEVEL: '' })).toEqual({
      http: { port: 80 },
      log: { APP_LEVEL: 'info' },
    });
  });

  it('reports every problem at once, with the variable and without its value', () => {
    let caught: unknown;
    try {
      parseConfig(sections, { APP_PORT: '99999', APP_LEVEL: 'hunter2' });
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(ConfigurationProblems);
    const { problems, message } = caught as ConfigurationProblems;
    expect(problems).toHaveLength(2);
    expect(problems[0]).toMatch(/^APP_PORT: /);
    expect(message).not.toContain('hunter2');
  });
});
