import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { callBody, callIdOf, modernHeaders, post, type Sent } from '../harness/mcp.ts';
import { startSuite, type Suite } from '../harness/suite.ts';
import { verifies } from '../harness/verifies.ts';

const timeoutMs = 120_000;
const clientInfo = { name: 'e2e', version: '1' };
const pidNamespaces = () => {
  const seen = new Set<string>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      seen.add(readlinkSync(`/proc/${name}/ns/pid`));
    } catch {
      // it has ended
    }
  }
  return seen.size;
};

describe('sandboxed sessions', () => {
  let suite: Suite;
  let url = '';
  let key = '';
  const secret = `secret-${randomBytes(12).toString('hex')}`;
  const hostFile = join(tmpdir(), `sallyport-e2e-host-${process.pid}`);
  beforeAll(async () => {
    writeFileSync(hostFile, secret);
    suite = await startSuite();
    url = suite.ready.sessionMcpUrl ?? '';
    key = suite.ready.apiKey;
  });
  afterAll(async () => {
    await suite?.dispose();
    rmSync(hostFile, { force: true });
  });

  const tool = (name: string, args: object, signal?: AbortSignal): Promise<Sent> =>
    post(url, key, callBody(name, args), modernHeaders('tools/call', name), signal);
  const textOf = (sent: Sent): string =>
    (sent.message?.result?.content ?? []).map((part: { text?: string }) => part.text ?? '').join('');
  const bash = async (command: string, more: object = {}) => textOf(await tool('bash', { command, ...more }));
  const phasesOf = async (sent: Sent) => (await suite.eventsOf(callIdOf(sent))).map(({ data }) => data.phase);

  verifies(
    ['sandbox:sdk-v1', 'sandbox:sdk-v2'],
    async () => {
      expect(suite.ready.sandboxProblem).toBeNull();
      const requestInit = { headers: { authorization: `Bearer ${key}` } };
      const legacy = new LegacyClient(clientInfo);
      await legacy.connect(new LegacyTransport(new URL(url), { requestInit }));
      const modern = new ModernClient(clientInfo, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
      await modern.connect(new ModernTransport(new URL(url), { requestInit }));
      const command = 'for i in 1 2 3; do echo part $i; sleep 0.3; done';
      const progress: string[] = [];
      const onprogress = ({ message }: { message?: string | undefined }) => progress.push(message ?? '');
      const answers = [
        await legacy.callTool({ name: 'bash', arguments: { command } }, undefined, { onprogress }),
        await modern.callTool({ name: 'bash', arguments: { command } }, { onprogress }),
      ];
      for (const client of [legacy, modern]) {
        const names = (await client.listTools()).tools.map(({ name }) => name);
        expect(names).toEqual(['bash', 'read', 'write', 'edit', 'glob', 'grep']);
        await client.close();
      }
      for (const answer of answers)
        expect(answer['content']).toEqual([{ type: 'text', text: 'part 1\npart 2\npart 3\n' }]);
      expect(progress.length).toBeGreaterThanOrEqual(4);
      expect(progress.join('')).toContain('part 1');
    },
    timeoutMs,
    'sandbox',
  );

  verifies(
    ['sandbox:shell-state', 'sandbox:deadline'],
    async () => {
      await bash('cd /tmp; export A=1; f() { echo "f $A"; }; shopt -s extglob');
      expect(await bash('f; pwd; shopt extglob | grep -c on')).toBe('f 1\n/tmp\n1\n');
      const sent = await tool('bash', { command: 'export B=2; echo early; sleep 600', timeout_ms: 1_000 });
      expect(sent.message.result.isError).toBe(true);
      expect(textOf(sent)).toMatch(/^early\n\[ended after 1000 ms/);
      expect(await phasesOf(sent)).toEqual(['requested', 'authorized', 'dispatched', 'timed_out']);
      expect(await bash('f; echo $B; kill -9 $$')).toMatch(/^f 1\n2\n\[ended by signal 9\]$/);
      expect(await bash('f; exit 3')).toBe('f 1\n[exit code 3]');
      expect(await bash('f')).toBe('f 1\n');
      expect(textOf(await tool('bash', { restart: true }))).toBe('bash session restarted');
      expect(await bash('pwd; echo "[$A]"')).toBe('/workspace\n[]\n');
    },
    timeoutMs,
    'sandbox',
  );

  verifies(
    ['sandbox:file-tools', 'sandbox:isolation'],
    async () => {
      expect(textOf(await tool('write', { file_path: 'src/a.ts', content: 'one\ntwo\n' }))).toContain('wrote 8 bytes');
      await tool('edit', { file_path: 'src/a.ts', old_string: 'two', new_string: 'three' });
      expect(textOf(await tool('read', { file_path: '/workspace/src/a.ts', view_range: [2, 2] }))).toBe('three');
      expect(textOf(await tool('glob', { pattern: '**/*.ts' }))).toBe('/workspace/src/a.ts');
      expect(textOf(await tool('grep', { pattern: 'thr.e' }))).toBe('/workspace/src/a.ts:2:three\n');
      await bash(`ln -s ${hostFile} /workspace/link; ln -s / /workspace/root; ln -s /etc /workspace/etc`);
      for (const path of ['link', `root${hostFile}`, 'etc/passwd', '/etc/passwd', '/proc/1/environ', '../etc/passwd']) {
        const read = await tool('read', { file_path: path });
        expect([path, read.message.result.isError]).toEqual([path, true]);
        expect(read.text).not.toContain(secret);
      }
      const seen = await bash(
        `cat ${hostFile} /etc/shadow; ls /root /home/* ; ps -e | wc -l; cat /proc/net/dev | wc -l`,
      );
      expect(seen).not.toContain(secret);
      expect(seen).not.toMatch(/root:[!$*]/);
      const { port } = new URL(suite.ready.routerUrl);
      expect(await bash(`(exec 3<>/dev/tcp/127.0.0.1/${port}) 2>/dev/null && echo reached || echo closed`)).toBe(
        'closed\n',
      );
      expect(await bash('env')).not.toMatch(/EXECUTOR_|SALLYPORT_API/);
    },
    timeoutMs,
    'sandbox',
  );

  verifies(
    ['sandbox:processes-end', 'sandbox:floods', 'sandbox:bad-input'],
    async () => {
      const begunMs = Date.now();
      expect(await bash('sleep 77 & setsid sleep 78 & (setsid nohup sleep 79 >/dev/null 2>&1 &); echo now')).toBe(
        'now\n',
      );
      expect(Date.now() - begunMs).toBeLessThan(10_000);
      expect(await bash('pgrep sleep || echo none')).toContain('none');
      await bash('for i in $(seq 400); do sleep 5 & done 2>/dev/null; jobs -p | wc -l', { timeout_ms: 5_000 });
      expect(await bash('echo alive')).toBe('alive\n');
      await bash('python3 -c "x = bytearray(3 << 30)" || perl -e \'$x = "x" x (3 << 30)\'', { timeout_ms: 20_000 });
      expect(await bash('echo alive')).toBe('alive\n');
      expect(await bash('head -c 2000000000 /dev/zero > /workspace/big; echo $?; rm /workspace/big')).toContain('1\n');
      const long = await bash('head -c 20000000 /dev/zero | tr "\\0" x; echo; echo end');
      expect(long).toMatch(/^x+\n\[… \d+ bytes of output left out …\]\nx+\nend\n$/);
      expect(long.length).toBeLessThan(110 * 1024);
      const bytes = await tool('bash', { command: 'head -c 256 /dev/urandom; printf "\\377\\000\\033[31mred"' });
      expect(bytes.message.result.isError).not.toBe(true);
      const script = `cat > h.sh <<'EOT'\n${'# padding\n'.repeat(20_000)}echo heredoc\nEOT\nbash h.sh`;
      expect(await bash(script)).toBe('heredoc\n');
      for (const [args, says] of [
        [{ command: 'true', timeout_ms: 0 }, 'timeout_ms'],
        [{}, 'command'],
        [{ command: 'x'.repeat(1_100_000) }, 'command'],
      ] as const) {
        const refused = await tool('bash', args);
        expect(refused.message.result.isError).toBe(true);
        expect(textOf(refused)).toContain(says);
        expect(await phasesOf(refused)).toEqual(['requested', 'authorized', 'failed']);
      }
      const binary = await tool('read', { file_path: '/workspace/none' });
      expect(textOf(binary)).toContain('there is no such file');
    },
    timeoutMs,
    'sandbox',
  );

  verifies(
    'sandbox:cancel',
    async () => {
      await bash('rm -f /tmp/done');
      const gone = new AbortController();
      const running = tool('bash', { command: 'sleep 4; touch /tmp/done' }, gone.signal).catch(() => 'gone');
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      gone.abort();
      expect(await running).toBe('gone');
      const requestInit = { headers: { authorization: `Bearer ${key}` } };
      const legacy = new LegacyClient(clientInfo);
      await legacy.connect(new LegacyTransport(new URL(url), { requestInit }));
      const cancel = new AbortController();
      const cancelled = legacy
        .callTool({ name: 'bash', arguments: { command: 'sleep 4; touch /tmp/done' } }, undefined, {
          signal: cancel.signal,
        })
        .catch(() => 'cancelled');
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      cancel.abort();
      expect(await cancelled).toBe('cancelled');
      await new Promise((resolve) => setTimeout(resolve, 5_000));
      await legacy.close();
      expect(await bash('ls /tmp/done 2>/dev/null || echo never')).toBe('never\n');
    },
    timeoutMs,
    'sandbox',
  );

  verifies(
    ['sandbox:policy', 'sandbox:foreign'],
    async () => {
      const inDemo = {
        'anthropic-workspace-id': JSON.parse(readFileSync(join(suite.ready.dataDir, 'suite.json'), 'utf8')).workspaceId,
      };
      const control = (method: string, path: string, body?: unknown, headers = inDemo) =>
        suite.control(method, path, suite.operatorKey, body, headers);
      const environment = (await control('POST', '/v1/environments', { name: 'narrow' })).body as { id: string };
      const session = (await control('POST', '/v1/sessions', { environment_id: environment.id })).body as {
        id: string;
      };
      const { rules } = (await control('GET', '/v1/policy')).body as { rules: Record<string, unknown>[] };
      const rule = { id: 'narrow', effect: 'allow', environment: environment.id, tool: 're*' };
      expect((await control('POST', '/v1/policy', { rules: [...rules, rule].map(asWritten) })).status).toBe(200);
      const narrow = `${suite.ready.routerUrl}/v1/sessions/${session.id}/mcp`;
      // A change of the policy is known to the scheduler within a second.
      const listed = async () =>
        (await post(narrow, key, callBodyOf('tools/list'), modernHeaders('tools/list'))).message.result.tools.map(
          ({ name }: { name: string }) => name,
        );
      await expect.poll(listed, { timeout: 5_000 }).toEqual(['read']);
      const denied = await post(narrow, key, callBody('bash', { command: 'id' }), modernHeaders('tools/call', 'bash'));
      expect(denied.message.error.data).toMatchObject({ code: 'denied_by_policy', reason: 'no_rule_allows' });
      expect((await suite.eventsOf(callIdOf(denied))).map(({ data }) => data.phase)).toEqual(['requested', 'denied']);
      const other = (await suite.control('POST', '/v1/workspaces', suite.operatorKey, { name: 'other' })).body as {
        id: string;
      };
      const theirs = (
        await control('POST', '/v1/api_keys', { name: 'x', scopes: ['call'] }, { 'anthropic-workspace-id': other.id })
      ).body as { api_key: string };
      const foreign = await post(
        url,
        theirs.api_key,
        callBody('bash', { command: 'id' }),
        modernHeaders('tools/call', 'bash'),
      );
      expect(foreign).toMatchObject({ status: 404 });
      const nobody = await post(url, 'wrong', callBody('bash', { command: 'id' }), modernHeaders('tools/call', 'bash'));
      expect(nobody.status).toBe(401);
    },
    timeoutMs,
    'sandbox',
  );

  verifies(
    'sandbox:scheduler-killed',
    async () => {
      await bash('echo kept > /workspace/kept');
      process.kill(suite.pidOf('scheduler'), 'SIGKILL');
      await expect.poll(() => bash('cat /workspace/kept'), { timeout: 40_000, interval: 500 }).toBe('kept\n');
    },
    timeoutMs,
    'sandbox',
  );

  verifies(
    'sandbox:executor-killed',
    async () => {
      await bash('echo lost > /workspace/lost');
      setTimeout(() => process.kill(suite.pidOf('executor'), 'SIGKILL'), 1_500);
      const sent = await tool('bash', { command: 'sleep 60' });
      expect(sent.message.error.data).toMatchObject({ code: 'call_orphaned' });
      expect(await phasesOf(sent)).toEqual(['requested', 'authorized', 'dispatched', 'orphaned']);
      let next = '';
      for (const until = Date.now() + 40_000; Date.now() < until && !next.includes('gone:');)
        next = await bash('ls /workspace/lost 2>/dev/null || echo nothing');
      expect(next).toMatch(/^\[The previous sandbox of this session is gone: .*\]\nnothing\n$/s);
      expect(await bash('echo on')).toBe('on\n');
    },
    timeoutMs,
    'sandbox',
  );

  verifies(
    ['sandbox:environment-key', 'sandbox:no-payload-logged', 'sandbox:leaves-nothing'],
    async () => {
      const mark = `mark${randomBytes(12).toString('hex')}`;
      expect(await bash(`echo ${mark}`)).toBe(`${mark}\n`);
      const state = JSON.parse(readFileSync(join(suite.ready.dataDir, 'suite.json'), 'utf8'));
      const inDemo = { 'anthropic-workspace-id': state.workspaceId };
      const path = `/v1/environments/${state.environmentId}`;
      const keys = (await suite.control('GET', `${path}/keys`, suite.operatorKey, undefined, inDemo)).body as {
        data: { id: string }[];
      };
      for (const { id } of keys.data)
        await suite.control('POST', `${path}/keys/${id}/revoke`, suite.operatorKey, {}, inDemo);
      const executors = async () =>
        (
          (await suite.control('GET', `${path}/queue`, suite.operatorKey, undefined, inDemo)).body as {
            executors: unknown[];
          }
        ).executors;
      await expect.poll(executors, { timeout: 15_000 }).toEqual([]);
      const before = pidNamespaces();
      const logs = join(suite.ready.dataDir, 'logs');
      const tellers = readdirSync(logs).filter((name) => readFileSync(join(logs, name), 'utf8').includes(mark));
      expect(tellers).toEqual([]);
      await suite.stop();
      expect(pidNamespaces()).toBeLessThanOrEqual(before);
    },
    timeoutMs,
    'sandbox',
  );

  verifies(
    'sandbox:missing',
    async () => {
      // A PATH with everything but what sandboxes need.
      const bin = mkdtempSync(join(tmpdir(), 'sallyport-e2e-bin-'));
      for (const name of ['sh', 'env']) symlinkSync(`/bin/${name}`, join(bin, name));
      const bare = await startSuite({ env: { PATH: bin } });
      try {
        expect(bare.ready).toMatchObject({ sessionMcpUrl: null, executorPid: null });
        expect(bare.ready.sandboxProblem).toMatch(/bubblewrap.*missing: start with --install/);
        const echo = await post(
          bare.ready.tunnelMcpUrl,
          bare.ready.apiKey,
          callBody('echo', { message: 'hi' }),
          modernHeaders('tools/call', 'echo'),
        );
        expect(echo.status).toBe(200);
      } finally {
        await bare.dispose();
        rmSync(bin, { recursive: true });
      }
    },
    timeoutMs,
  );
});

function callBodyOf(method: string): string {
  return JSON.stringify({
    ...JSON.parse(callBody('x')),
    method,
    params: { _meta: JSON.parse(callBody('x')).params._meta },
  });
}

function asWritten(rule: Record<string, unknown>): Record<string, unknown> {
  if (rule['environment'] === undefined) return rule;
  const { tunnel: _tunnel, server: _server, ...rest } = rule;
  return rest;
}
