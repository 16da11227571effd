import { describe, expect, it } from 'vitest';

import { parseAuditCommand } from './audit-options.ts';

const parse = (text: string) => parseAuditCommand(text.split(' ').filter((word) => word !== ''));
const access = { data: undefined, control: undefined, apiKeyFile: undefined, workspace: undefined };

describe('audit commands', () => {
  it.each([
    ['tail', { command: 'tail', backlog: 0, json: false, access }],
    ['tail --backlog 5 --json', { command: 'tail', backlog: 5, json: true, access }],
    [
      'show call_1 --data /d --json',
      { command: 'show', callId: 'call_1', json: true, access: { ...access, data: '/d' } },
    ],
    ['prove call_1', { command: 'prove', callId: 'call_1', json: false, access }],
    ['export --tiles /t', { command: 'export', tiles: '/t', json: false, access }],
    ['verify /t --vkeys /k', { command: 'verify', directory: '/t', vkeysFile: '/k', older: undefined, json: false }],
    [
      'verify /t --vkeys /k --extends /o',
      { command: 'verify', directory: '/t', vkeysFile: '/k', older: '/o', json: false },
    ],
    [
      'rebuild --control http://h:1 --api-key-file /f --workspace w',
      {
        command: 'rebuild',
        json: false,
        access: { data: undefined, control: 'http://h:1', apiKeyFile: '/f', workspace: 'w' },
      },
    ],
    ['--help', { command: 'help' }],
    ['show --help', { command: 'help' }],
  ])('reads %s', (text, command) => {
    expect(parse(text)).toEqual({ ok: true, value: command });
  });

  it('turns filters into the query of control', () => {
    const parsed = parse(
      'events --limit 5 --tool echo --call call_1 --phase denied --from 2026-01-01T00:00:00Z --oldest-first',
    );
    expect(parsed).toMatchObject({
      value: {
        limit: 5,
        query: { order: 'asc', tool: 'echo', call_id: 'call_1', phase: 'denied', from: '2026-01-01T00:00:00Z' },
      },
    });
    expect(parse('events')).toMatchObject({ value: { limit: 100, query: { order: 'desc' } } });
  });

  it.each([
    '',
    'nonsense',
    'constructor',
    'show',
    'show a b',
    'tail extra',
    'tail --backlog 1001',
    'tail --backlog -1',
    'events --limit 0',
    'export',
    'verify /t',
    'verify --vkeys /k',
    'verify /t --vkeys /k --data /d',
    'rebuild --nonsense',
  ])('refuses "%s" in one line', (text) => {
    const parsed = parse(text);
    expect(parsed.ok).toBe(false);
    expect(parsed.ok ? '' : parsed.reason).not.toContain('\n');
  });
});
