import { setTimeout as sleep } from 'node:timers/promises';

import { fail, ok, type Result } from '@sallyport/result';

import type { ControlClient, ControlProblem, JsonObject } from '../control/control-client.ts';
import { readIfThere, replaceFile } from './atomic-file.ts';
import { items } from './provisioning.ts';
import type { SuiteStateFile } from './suite-state.ts';

export interface ProvisionedSession {
  readonly environmentId: string;
  /** Below the router's URL. */
  readonly mcpPath: string;
}

type Provided<Value> = Promise<Result<Value, ControlProblem>>;

const demoName = 'demo';
export const sandboxTools = ['bash', 'read', 'write', 'edit', 'glob', 'grep'] as const;
const connectMsMax = 20_000;
const pollMs = 100;

/** Environment, environment key, rules and session of the demo: made once, found again, repaired where something is gone. */
export async function provisionSession(
  inWorkspace: ControlClient,
  file: SuiteStateFile,
  keyFile: string,
): Provided<ProvisionedSession> {
  const environment = await provideEnvironment(inWorkspace, file);
  if (!environment.ok) return environment;
  const environmentId = environment.value;
  const key = await provideKey(inWorkspace, environmentId, keyFile);
  if (!key.ok) return key;
  const rules = await provideRules(inWorkspace, file, environmentId);
  if (!rules.ok) return rules;
  const session = await provideObject(inWorkspace, '/v1/sessions', file.state.sessionId, () => ({
    environment_id: environmentId,
    title: demoName,
  }));
  if (!session.ok) return session;
  const id = String(session.value['id']);
  if (id !== file.state.sessionId) file.change({ sessionId: id });
  const { mcp_path: mcpPath } = session.value['sallyport'] as JsonObject;
  return ok({ environmentId, mcpPath: String(mcpPath) });
}

/** Waits until an executor of the environment is connected to the scheduler. */
export async function waitForExecutor(
  inWorkspace: ControlClient,
  environmentId: string,
  signal: AbortSignal,
): Promise<Result<void, string>> {
  for (const until = Date.now() + connectMsMax; Date.now() < until && !signal.aborted;) {
    const queue = await inWorkspace.get(`/v1/environments/${environmentId}/queue`);
    if (queue.ok && Array.isArray(queue.value['executors']) && queue.value['executors'].length > 0)
      return ok(undefined);
    await sleep(pollMs, undefined, { signal }).catch(() => undefined);
  }
  return fail(`the executor did not connect to the scheduler within ${connectMsMax / 1_000} s: see its log`);
}

async function provideEnvironment(inWorkspace: ControlClient, file: SuiteStateFile): Provided<string> {
  const environment = await provideObject(inWorkspace, '/v1/environments', file.state.environmentId, () => ({
    name: demoName,
    config: { type: 'self_hosted' },
  }));
  if (!environment.ok) return environment;
  const id = String(environment.value['id']);
  if (id !== file.state.environmentId) file.change({ environmentId: id, sandboxPolicyIsSet: false });
  return ok(id);
}

/** A key that was revoked, or whose file is gone, is replaced by a new one. */
async function provideKey(inWorkspace: ControlClient, environmentId: string, keyFile: string): Provided<void> {
  const path = `/v1/environments/${environmentId}/keys`;
  const listed = await inWorkspace.get(path);
  if (!listed.ok) return listed;
  const isLive = items(listed.value).some((key) => key['revoked_at'] === null);
  if (isLive && readIfThere(keyFile) !== undefined) return ok(undefined);
  const made = await inWorkspace.post(path, { name: demoName });
  if (!made.ok) return made;
  replaceFile(keyFile, `${String(made.value['environment_key'])}\n`);
  return ok(undefined);
}

/** The rules about the demo's environment are added once; what their owner makes of them stays. */
async function provideRules(inWorkspace: ControlClient, file: SuiteStateFile, environmentId: string): Provided<void> {
  if (file.state.sandboxPolicyIsSet === true) return ok(undefined);
  const policy = await inWorkspace.get('/v1/policy');
  if (!policy.ok) return policy;
  const isOurs = ({ id }: JsonObject) => String(id).startsWith('demo-sandbox-');
  const kept = (policy.value['rules'] as readonly JsonObject[]).filter((rule) => !isOurs(rule));
  const added = sandboxTools.map((tool) => ({
    id: `demo-sandbox-${tool}`,
    effect: 'allow',
    environment: environmentId,
    tool,
  }));
  const set = await inWorkspace.post('/v1/policy', { rules: [...kept.map(asWritten), ...added] });
  if (!set.ok) return set;
  file.change({ sandboxPolicyIsSet: true });
  return ok(undefined);
}

/** A rule about an environment has neither tunnel nor server when it is written. */
function asWritten(rule: JsonObject): JsonObject {
  if (rule['environment'] === undefined) return rule;
  const { tunnel: _tunnel, server: _server, ...rest } = rule;
  return rest;
}

/** The object that the state names, unless it is gone or archived; else a new one. */
async function provideObject(
  inWorkspace: ControlClient,
  path: string,
  knownId: string | undefined,
  make: () => JsonObject,
): Provided<JsonObject> {
  if (knownId !== undefined) {
    const known = await inWorkspace.get(`${path}/${knownId}`);
    if (known.ok && known.value['archived_at'] === null) return known;
    if (!known.ok && known.reason.status !== 404) return known;
  }
  return inWorkspace.post(path, make());
}
