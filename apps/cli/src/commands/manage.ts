import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { fail, ok, type Result } from '@sallyport/result';

import { type AccessDefaults, workspaceAccess } from '../control/control-access.ts';
import { ControlClient, type JsonObject } from '../control/control-client.ts';
import type { Output } from '../output/reporter.ts';
import { dataDirectoryAt } from '../suite/data-directory.ts';
import { manageHelp, type ManageRequest, parseManageRequest } from './manage-request.ts';

const usageExitCode = 64;

/** `sallyport tunnels|keys|policy|router-ca …`: one request to control, its answer as JSON. Resolves with the exit code. */
export async function manage(args: readonly string[], defaults: AccessDefaults, output: Output): Promise<number> {
  const parsed = parseManageRequest(args);
  if (!parsed.ok) return refuse(parsed.reason, output, usageExitCode);
  const request = parsed.value;
  if (request.kind === 'help') {
    output.line(manageHelp);
    return 0;
  }
  if (request.kind === 'router-ca') return routerCa(request.access.data ?? defaults.data, output);
  const body = bodyOf(request);
  if (!body.ok) return refuse(body.reason, output);
  const access = workspaceAccess(request.access, defaults);
  if (!access.ok) return refuse(access.reason, output);
  const client = new ControlClient(access.value);
  try {
    const answer = await (request.method === 'GET' ? client.get(request.path) : client.post(request.path, body.value));
    if (!answer.ok) return refuse(answer.reason.message, output);
    output.line(JSON.stringify(answer.value, undefined, 2));
    return 0;
  } finally {
    await client.close();
  }
}

function bodyOf({ body, file }: Extract<ManageRequest, { kind: 'request' }>): Result<JsonObject, string> {
  if (file === undefined) return ok(body);
  try {
    const text = readFileSync(file.path, 'utf8');
    if (file.as === 'ca_certificate_pem') return ok({ ca_certificate_pem: text });
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? ok(value as JsonObject)
      : fail(`${file.path} must hold a JSON object`);
  } catch (error) {
    return fail(`${file.path} ${error instanceof SyntaxError ? 'is no JSON' : 'cannot be read'}`);
  }
}

/** The suite's routers show certificates of its services' CA. */
function routerCa(data: string, output: Output): number {
  const path = join(dataDirectoryAt(data).secrets, 'pki', 'services-ca.pem');
  try {
    output.line(readFileSync(path, 'utf8').trim());
    return 0;
  } catch {
    return refuse(`${path} cannot be read: name the data directory of a suite that has run with --data DIR`, output);
  }
}

function refuse(reason: string, output: Output, code = 1): number {
  output.problem(`sallyport: ${reason}`);
  return code;
}
