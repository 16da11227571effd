import { describe, expect, it } from 'vitest';

import { ConnectionRegistry } from './connection-registry.ts';

function connection(connectorId: string, connectionIndex: number, streamsOpen = 0, draining = false) {
  return { tunnelId: 'tnl_1', connectorId, connectionIndex, streamsOpen, draining };
}

describe('connection registry', () => {
  it('picks the connection with the fewest streams, across connectors', () => {
    const registry = new ConnectionRegistry();
    const idle = connection('b', 0, 1);
    for (const each of [connection('a', 0, 3), idle, connection('b', 1, 2)]) registry.add(each);
    expect(registry.pick('tnl_1')).toBe(idle);
    expect(registry.pick('tnl_2')).toBeUndefined();
  });

  it('never picks a draining one or one that was tried', () => {
    const registry = new ConnectionRegistry();
    const only = connection('a', 1, 9);
    registry.add(connection('a', 0, 0, true));
    registry.add(only);
    expect(registry.pick('tnl_1')).toBe(only);
    expect(registry.pick('tnl_1', new Set([only]))).toBeUndefined();
  });

  it('replaces a duplicate, and a late goodbye of the old one removes nothing', () => {
    const registry = new ConnectionRegistry();
    const old = connection('a', 0);
    const newcomer = connection('a', 0);
    expect(registry.add(old)).toBeUndefined();
    expect(registry.add(newcomer)).toBe(old);
    expect(registry.size).toBe(1);
    registry.remove(old);
    expect(registry.pick('tnl_1')).toBe(newcomer);
    registry.remove(newcomer);
    registry.remove(newcomer);
    expect(registry.size).toBe(0);
    expect(registry.all()).toEqual([]);
  });
});
