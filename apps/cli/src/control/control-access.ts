import { readSecretFile } from '@sallyport/config';
import { fail, ok, type Result } from '@sallyport/result';

import { dataDirectoryAt } from '../suite/data-directory.ts';
import { lockHolder } from '../suite/suite-lock.ts';
import { suiteSecretsAt } from '../suite/suite-secrets.ts';
import { readSuiteState } from '../suite/suite-state.ts';
import type { ControlAccess } from './control-client.ts';

/** Where control is, as the command line and the environment say it. */
export interface AccessOptions {
  /** A suite on this machine. */
  readonly data: string | undefined;
  /** A control anywhere. */
  readonly control: string | undefined;
  readonly apiKeyFile: string | undefined;
  readonly workspace: string | undefined;
}

export interface AccessDefaults {
  readonly data: string;
  /** Of the environment variable SALLYPORT_API_KEY. */
  readonly apiKey: string | undefined;
}

/** As `controlAccess`, for what belongs to one workspace: with `--data` the demo's, unless another is named. */
export function workspaceAccess(options: AccessOptions, defaults: AccessDefaults): Result<ControlAccess, string> {
  const access = controlAccess(options, defaults);
  if (!access.ok || options.control !== undefined || access.value.workspaceId !== undefined) return access;
  const state = readSuiteState(dataDirectoryAt(options.data ?? defaults.data).stateFile);
  const workspaceId = state.ok ? state.value?.workspaceId : undefined;
  return workspaceId === undefined ? access : ok({ ...access.value, workspaceId });
}

/** The suite's own operator key with `--data`; with `--control`, a key out of a file or the environment. The reason says what to do. */
export function controlAccess(options: AccessOptions, defaults: AccessDefaults): Result<ControlAccess, string> {
  const { control, data, apiKeyFile, workspace } = options;
  if (control !== undefined && data !== undefined) return fail('--data and --control exclude each other');
  const inWorkspace = workspace === undefined ? {} : { workspaceId: workspace };
  try {
    const given = apiKeyFile === undefined ? defaults.apiKey : readSecretFile(apiKeyFile);
    if (control === undefined) {
      const suite = suiteAccess(data ?? defaults.data);
      if (!suite.ok) return suite;
      return ok({ ...suite.value, ...(apiKeyFile === undefined ? {} : { apiKey: given ?? '' }), ...inWorkspace });
    }
    if (!URL.canParse(control) || !/^https?:/.test(control)) return fail('--control must be a URL: https://host:port');
    if (given === undefined || given === '')
      return fail('--control needs an API key: give --api-key-file FILE, or set SALLYPORT_API_KEY');
    return ok({ url: control, apiKey: given, ...inWorkspace });
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
}

function suiteAccess(path: string): Result<ControlAccess, string> {
  const directory = dataDirectoryAt(path);
  const state = readSuiteState(directory.stateFile);
  if (!state.ok) return state;
  const url = state.value?.controlUrl;
  if (url === undefined || lockHolder(directory.lockFile) === undefined)
    return fail(
      `no suite is running on ${directory.root}: start it with \`npm start -- --data ${directory.root}\`, or name another with --data DIR or --control URL`,
    );
  return ok({ url, apiKey: readSecretFile(suiteSecretsAt(directory.secrets).operatorKey) });
}
