import { describe, expect, it } from 'vitest';
import { entryMethod, methodKind } from './mcp-method.ts';

describe('method kinds', () => {
  it.each([
    ['tools/call', 'call'],
    ['initialize', 'open'],
    ['notifications/cancelled', 'open'],
    ['notifications/vendor_event', 'ruled'],
    ['tools/list', 'list'],
    ['resources/templates/list', 'list'],
    ['resources/read', 'ruled'],
    ['completion/complete', 'ruled'],
    ['tasks/get', 'ruled'],
    ['vendor/anything', 'ruled'],
    ['Tools/Call', 'ruled'],
  ])('%s is %s', (method, kind) => {
    expect(methodKind(method)).toBe(kind);
  });

  it('decides on the entries of a list by the method that uses them', () => {
    expect(entryMethod('tools/list')).toBe('tools/call');
    expect(entryMethod('tools/call')).toBeUndefined();
  });
});
