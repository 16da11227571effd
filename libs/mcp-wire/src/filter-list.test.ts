import { describe, expect, it } from 'vitest';

import { defaultFilterOptions, filterList, filterToolList, listShapes } from './filter-list.ts';

const options = { ...defaultFilterOptions, depthMax: 8 };
const notB = (name: string) => name !== 'b';

function filtered(text: string, allowed: (name: string) => boolean = notB, alwaysPrivate = false): string {
  const result = filterToolList(Buffer.from(text), allowed, { ...options, alwaysPrivate });
  if (!result.ok) throw new Error(result.reason.code);
  return Buffer.concat(result.value.pieces).toString();
}

describe('removing tools', () => {
  it.each([
    [
      'the middle',
      '{"result":{"tools":[{"name":"a"}, {"name":"b"} ,{"name":"c"}]}}',
      '{"result":{"tools":[{"name":"a"} ,{"name":"c"}]}}',
    ],
    ['the first', '{"result":{"tools":[ {"name":"b"} , {"name":"c"} ]}}', '{"result":{"tools":[ {"name":"c"} ]}}'],
    ['the last', '{"result":{"tools":[{"name":"a"}\n,\n{"name":"b"} ]}}', '{"result":{"tools":[{"name":"a"} ]}}'],
    ['the only one', '{"result":{"tools":[ {"name":"b"} ]}}', '{"result":{"tools":[  ]}}'],
    ['none', '{"result":{"tools":[{"name":"a"}]}}', '{"result":{"tools":[{"name":"a"}]}}'],
    ['of none', '{"result":{"tools":[ ]}}', '{"result":{"tools":[ ]}}'],
    [
      'an escaped name',
      String.raw`{"result":{"tools":[{"name":"\u0062"},{"name":"c"}]}}`,
      '{"result":{"tools":[{"name":"c"}]}}',
    ],
    ['twice the same', '{"result":{"tools":[{"name":"b"},{"name":"b"}]}}', '{"result":{"tools":[]}}'],
    [
      'numbers and order untouched',
      '{"id":1.0,"result":{"tools":[{"x":1e5,"name":"a"},{"name":"b"}],"nextCursor":"\\u0041"}}',
      '{"id":1.0,"result":{"tools":[{"x":1e5,"name":"a"}],"nextCursor":"\\u0041"}}',
    ],
  ])('%s', (_, before, after) => {
    expect(filtered(before)).toBe(after);
  });

  it('says what was kept and removed', () => {
    const result = filterToolList(Buffer.from('{"result":{"tools":[{"name":"a"},{"name":"b"}]}}'), notB);
    expect(result).toMatchObject({ ok: true, value: { kept: ['a'], removed: ['b'] } });
  });

  it('leaves other messages alone', () => {
    for (const text of [
      '{"id":1,"error":{"code":1}}',
      '{"method":"notifications/progress"}',
      '{"result":{"resultType":"task"}}',
      '{"result":null}',
    ]) {
      expect(filtered(text)).toBe(text);
    }
  });

  it('filters prompts, resources and templates by their own key', () => {
    const shape = listShapes.get('resources/list');
    const text = '{"result":{"resources":[{"uri":"file:///a","name":"x"},{"uri":"b","name":"x"}]}}';
    const result = filterList(Buffer.from(text), shape!, notB);
    expect(result).toMatchObject({ value: { kept: ['file:///a'], removed: ['b'] } });
    expect([...listShapes.values()].map(({ member }) => member)).toEqual([
      'tools',
      'prompts',
      'resources',
      'resourceTemplates',
    ]);
  });
});

describe('cacheScope', () => {
  it.each([
    [
      'replaced',
      '{"result":{"cacheScope": "public" ,"tools":[{"name":"b"}]}}',
      '{"result":{"cacheScope": "private" ,"tools":[]}}',
    ],
    [
      'inserted in the modern era',
      '{"result":{"resultType":"complete","tools":[{"name":"b"}]}}',
      '{"result":{"cacheScope":"private","resultType":"complete","tools":[]}}',
    ],
    [
      'inserted beside ttlMs',
      '{"result":{ "tools":[{"name":"b"}],"ttlMs":1}}',
      '{"result":{"cacheScope":"private", "tools":[],"ttlMs":1}}',
    ],
    [
      'kept when private',
      '{"result":{"tools":[{"name":"b"}],"cacheScope":"private"}}',
      '{"result":{"tools":[],"cacheScope":"private"}}',
    ],
    ['absent in the legacy era', '{"result":{"tools":[{"name":"b"}]}}', '{"result":{"tools":[]}}'],
    [
      'kept when nothing is removed',
      '{"result":{"cacheScope":"public","tools":[{"name":"a"}]}}',
      '{"result":{"cacheScope":"public","tools":[{"name":"a"}]}}',
    ],
  ])('%s', (_, before, after) => {
    expect(filtered(before)).toBe(after);
  });

  it('can be private always', () => {
    expect(filtered('{"result":{"cacheScope":"public","tools":[]}}', notB, true)).toBe(
      '{"result":{"cacheScope":"private","tools":[]}}',
    );
  });
});

describe('lists that must be withheld', () => {
  it.each([
    ['malformed_json', '{"result":{"tools":[{"name":"a"},]}}'],
    ['malformed_json', '{"result":{"tools":[]}} x'],
    ['empty_body', ''],
    ['duplicate_key', '{"result":{"tools":[],"tools":[{"name":"b"}]}}'],
    ['duplicate_key', '{"result":{"tools":[{"name":"a","name":"b"}]}}'],
    ['duplicate_key', '{"result":{"tools":[]},"result":{"tools":[{"name":"b"}]}}'],
    ['ambiguous_key', '{"result":{"tools":[],"Tools":[{"name":"b"}]}}'],
    ['ambiguous_key', '{"result":{"tools":[{"name":"a","NAME":"b"}]}}'],
    ['ambiguous_key', '{"Result":{"tools":[{"name":"b"}]}}'],
    ['list_malformed', '{"result":{"tools":{"name":"b"}}}'],
    ['list_malformed', '[{"result":{"tools":[{"name":"b"}]}}]'],
    ['list_too_long', `{"result":{"tools":[${'{"name":"a"},'.repeat(10_000)}{"name":"a"}]}}`],
    ['entry_malformed', '{"result":{"tools":["b"]}}'],
    ['entry_malformed', '{"result":{"tools":[{"title":"b"}]}}'],
    ['entry_malformed', '{"result":{"tools":[{"name":["b"]}]}}'],
    ['entry_malformed', String.raw`{"result":{"tools":[{"name":"\ud800"}]}}`],
    ['too_deep', `{"result":{"tools":[{"name":"a","x":${'['.repeat(9)}${']'.repeat(9)}}]}}`],
  ])('%s %s', (code, text) => {
    const result = filterToolList(Buffer.from(text), () => true, options);
    expect(result).toMatchObject({ ok: false, reason: { code } });
  });
});
