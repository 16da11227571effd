import { describe, expect, it } from 'vitest';
import { breakingChanges, type Schema } from './compatibility.ts';

const before: Schema = {
  type: 'object',
  required: ['id', 'phase'],
  properties: {
    id: { type: 'string' },
    phase: { type: 'string', enum: ['a', 'b'] },
    note: { type: 'string' },
    list: { type: 'array', items: { type: 'string' } },
  },
};
const changed = (
  change: (schema: { -readonly [Name in keyof Schema]: Schema[Name] } & { properties: Record<string, Schema> }) => void,
) => {
  const after = structuredClone(before) as Parameters<typeof change>[0];
  change(after);
  return breakingChanges(before, after);
};

describe('backward compatibility of event schemas', () => {
  it('lets a schema grow', () => {
    expect(breakingChanges(before, before)).toEqual([]);
    expect(changed((schema) => (schema.properties['more'] = { type: 'integer' }))).toEqual([]);
    expect(changed((schema) => (schema.properties['phase'] = { type: 'string', enum: ['a', 'b', 'c'] }))).toEqual([]);
    expect(changed((schema) => (schema.required = ['id', 'phase', 'note']))).toEqual([]);
  });

  it.each<[string, Parameters<typeof changed>[0], RegExp]>([
    ['a removed field', (schema) => delete schema.properties['note'], /\$\.note: it is gone/],
    ['a field that may be missing', (schema) => (schema.required = ['id']), /\$\.phase: it was always there/],
    ['another type', (schema) => (schema.properties['id'] = { type: 'integer' }), /\$\.id: the type/],
    ['a removed value', (schema) => (schema.properties['phase'] = { type: 'string', enum: ['a'] }), /\["b"\] are gone/],
    [
      'other list items',
      (schema) => (schema.properties['list'] = { type: 'array', items: { type: 'integer' } }),
      /\$\.list\[\]: the type/,
    ],
  ])('refuses %s', (_name, change, problem) => {
    expect(changed(change).join('\n')).toMatch(problem);
  });
});
