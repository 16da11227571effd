import { describe, expect, it } from 'vitest';

import type { ReadyInfo } from './ready-text.ts';
import { Reporter } from './reporter.ts';

const info: ReadyInfo = {
  routerUrl: 'http://127.0.0.1:8080',
  controlUrl: 'http://127.0.0.1:8081',
  apiKey: 'sk-sallyport-test',
  tunnelDomain: 'abc.tunnel.localhost',
  tunnelMcpUrl: 'http://127.0.0.1:8080/t/sample.abc.tunnel.localhost/mcp',
  dataDir: '/data',
  pid: 1,
  sessionMcpUrl: null,
  executorPid: null,
  sandboxProblem: null,
  connectorPid: 2,
  auditVkeys: ['log+00000000+key'],
};

function recorded(json: boolean) {
  const lines: string[] = [];
  const problems: string[] = [];
  const reporter = new Reporter({ line: (text) => lines.push(text), problem: (text) => problems.push(text) }, json);
  return { reporter, lines, problems };
}

describe('what a run says', () => {
  it('is one JSON object a line with --json', () => {
    const { reporter, lines, problems } = recorded(true);
    reporter.step('starting');
    reporter.ready(info);
    reporter.demo('title', ['a']);
    reporter.processEnded('router', 'router ended with code 1', 250);
    reporter.processReady('router', 7);
    reporter.problem('it broke\nbadly');
    for (const line of [...lines, ...problems]) {
      expect(line).not.toContain('\n');
      expect(() => JSON.parse(line) as unknown).not.toThrow();
    }
    expect(JSON.parse(lines[1] ?? '')).toEqual({
      event: 'ready',
      routerUrl: info.routerUrl,
      controlUrl: info.controlUrl,
      apiKey: info.apiKey,
      tunnelMcpUrl: info.tunnelMcpUrl,
      dataDir: '/data',
      pid: 1,
      connectorPid: 2,
      sessionMcpUrl: null,
      executorPid: null,
      sandboxProblem: null,
      auditVkeys: info.auditVkeys,
    });
  });

  it('gives a person everything to copy', () => {
    const { reporter, lines } = recorded(false);
    reporter.ready(info);
    const [text = ''] = lines;
    for (const value of [info.routerUrl, info.apiKey, info.tunnelDomain, info.tunnelMcpUrl, ...info.auditVkeys])
      expect(text).toContain(value);
    const configuration = /^\{\n[\s\S]*?^\}$/m.exec(text)?.[0] ?? '';
    expect(JSON.parse(configuration)).toMatchObject({
      mcpServers: { 'sallyport-demo': { type: 'http', url: info.tunnelMcpUrl } },
    });
    expect(text).toMatch(/^curl -sS http/m);
  });

  it('ends --once with JSON in either form', () => {
    const { reporter, lines } = recorded(false);
    reporter.summary({ ok: true });
    expect(lines).toEqual(['{"ok":true}']);
  });
});
