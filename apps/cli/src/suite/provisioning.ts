import { X509Certificate } from 'node:crypto';

import { ok, type Result } from '@sallyport/result';

import type { ControlClient, ControlProblem, JsonObject } from '../control/control-client.ts';
import type { SuiteStateFile } from './suite-state.ts';

/** What the demo runs on, as control knows it. */
export interface Provisioned {
  readonly workspaceId: string;
  readonly apiKey: string;
  readonly tunnelId: string;
  /** The sample server is at `sample.<domain>`. */
  readonly tunnelDomain: string;
  readonly tunnelToken: string;
}

type Provided<Value> = Promise<Result<Value, ControlProblem>>;

const demoName = 'demo';
const scopes = ['call', 'manage', 'audit'];
export const sampleServerName = 'sample';
export const allowedTools = ['echo', 'add', 'slow'] as const;
export const deniedTool = 'forbidden';

/** The denial needs no rule, the default denies; it is there so that a reader of the policy sees it. */
const demoRules = [
  ...allowedTools.map((tool) => ({ id: `demo-allow-${tool}`, effect: 'allow', server: sampleServerName, tool })),
  { id: `demo-deny-${deniedTool}`, effect: 'deny', server: sampleServerName, tool: deniedTool },
];

/** Workspace, API key, policy and tunnel of the demo: made once, found again, repaired where something is gone. */
export async function provisionDemo(
  operator: ControlClient,
  file: SuiteStateFile,
): Promise<Result<Omit<Provisioned, 'tunnelToken'>, ControlProblem>> {
  const workspace = await provideWorkspace(operator, file);
  if (!workspace.ok) return workspace;
  const workspaceId = workspace.value;
  const inWorkspace = operator.as({ workspaceId });
  try {
    const apiKey = await provideApiKey(inWorkspace, file);
    if (!apiKey.ok) return apiKey;
    const policy = await providePolicy(inWorkspace, file);
    if (!policy.ok) return policy;
    const tunnel = await provideTunnel(inWorkspace, file);
    if (!tunnel.ok) return tunnel;
    return ok({ workspaceId, apiKey: apiKey.value, ...tunnel.value });
  } finally {
    await inWorkspace.close();
  }
}

/** Registers the CA of the proxy's certificate where it is not yet, in place of the oldest one if there is no room, and reveals the token. */
export async function provisionTunnel(
  inWorkspace: ControlClient,
  tunnelId: string,
  caCertificatePem: string,
): Provided<string> {
  const path = `/v1/tunnels/${tunnelId}`;
  const listed = await inWorkspace.get(`${path}/certificates?limit=1000`);
  if (!listed.ok) return listed;
  const active = items(listed.value).filter((each) => each['archived_at'] === null);
  const fingerprint = new X509Certificate(caCertificatePem).fingerprint256.replaceAll(':', '').toLowerCase();
  if (!active.some((each) => each['fingerprint'] === fingerprint)) {
    const oldest = active.toSorted((a, b) => String(a['created_at']).localeCompare(String(b['created_at'])))[0];
    if (active.length > 1 && oldest !== undefined) {
      const archived = await inWorkspace.post(`${path}/certificates/${String(oldest['id'])}/archive`);
      if (!archived.ok) return archived;
    }
    const registered = await inWorkspace.post(`${path}/certificates`, { ca_certificate_pem: caCertificatePem });
    if (!registered.ok) return registered;
  }
  const token = await inWorkspace.post(`${path}/reveal_token`);
  return token.ok ? ok(String(token.value['tunnel_token'])) : token;
}

async function provideWorkspace(operator: ControlClient, file: SuiteStateFile): Provided<string> {
  const listed = await operator.get('/v1/workspaces');
  if (!listed.ok) return listed;
  const { workspaceId } = file.state;
  const found =
    items(listed.value).find(({ id }) => id === workspaceId) ??
    items(listed.value).find(({ name }) => name === demoName);
  const workspace = found === undefined ? await operator.post('/v1/workspaces', { name: demoName }) : ok(found);
  if (!workspace.ok) return workspace;
  const id = String(workspace.value['id']);
  if (id !== workspaceId) file.change({ workspaceId: id });
  return ok(id);
}

async function provideApiKey(inWorkspace: ControlClient, file: SuiteStateFile): Provided<string> {
  const { apiKey } = file.state;
  if (apiKey !== undefined) {
    const withKey = inWorkspace.as({ apiKey });
    const tried = await withKey.get('/v1/policy');
    await withKey.close();
    if (tried.ok) return ok(apiKey);
    if (tried.reason.status !== 401 && tried.reason.status !== 403) return tried;
  }
  const made = await inWorkspace.post('/v1/api_keys', { name: demoName, scopes });
  if (!made.ok) return made;
  const secret = String(made.value['api_key']);
  file.change({ apiKey: secret });
  return ok(secret);
}

async function providePolicy(inWorkspace: ControlClient, file: SuiteStateFile): Provided<void> {
  if (file.state.policyIsSet === true) return ok(undefined);
  const set = await inWorkspace.post('/v1/policy', { rules: demoRules });
  if (!set.ok) return set;
  file.change({ policyIsSet: true });
  return ok(undefined);
}

async function provideTunnel(
  inWorkspace: ControlClient,
  file: SuiteStateFile,
): Provided<{ tunnelId: string; tunnelDomain: string }> {
  const listed = await inWorkspace.get('/v1/tunnels?limit=1000');
  if (!listed.ok) return listed;
  const active = items(listed.value).filter((each) => each['archived_at'] === null);
  const found =
    active.find(({ id }) => id === file.state.tunnelId) ??
    active.find(({ display_name: displayName }) => displayName === demoName);
  const tunnel = found === undefined ? await inWorkspace.post('/v1/tunnels', { display_name: demoName }) : ok(found);
  if (!tunnel.ok) return tunnel;
  const { id, domain } = tunnel.value;
  const own = { tunnelId: String(id), tunnelDomain: String(domain) };
  if (own.tunnelId !== file.state.tunnelId || own.tunnelDomain !== file.state.tunnelDomain) file.change(own);
  return ok(own);
}

export function items(page: JsonObject): readonly JsonObject[] {
  return Array.isArray(page['data']) ? (page['data'] as readonly JsonObject[]) : [];
}
