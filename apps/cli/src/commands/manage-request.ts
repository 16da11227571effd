import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';

import { fail, ok, type Result } from '@sallyport/result';

import type { AccessOptions } from '../control/control-access.ts';

export const manageHelp = `Usage: sallyport COMMAND [OPTIONS]

  tunnels list
  tunnels create [--name NAME] [--transport]       end-to-end unless --transport: then the edge could read the calls
  tunnels archive TUNNEL
  tunnels token TUNNEL                             reveals the token that a connector registers with
  tunnels rotate TUNNEL [--reason TEXT]            a new token; the old one is refused for new connections
  tunnels certificates TUNNEL                      CA certificates that the proxy may chain to
  tunnels register TUNNEL --file PEM               one more of them, at most two
  tunnels unregister TUNNEL CERTIFICATE
  keys list
  keys create --name NAME [--scopes call,manage,audit]
  keys revoke KEY
  policy get
  policy set --file FILE                           {"rules": [{"effect": "allow", "server": "…", "tool": "…"}]}
  router-ca [--data DIR]                           PEM, for router_ca in a connector's configuration

  --data DIR | --control URL [--api-key-file FILE]   as for sallyport audit
  --workspace ID                                   whose; with --data the demo's by default

Answers are JSON, as control gives them.
`;

/** One request of control's REST API, with the file whose content it still needs. */
export type ManageRequest =
  | { readonly kind: 'help' }
  | { readonly kind: 'router-ca'; readonly access: AccessOptions }
  | {
      readonly kind: 'request';
      readonly access: AccessOptions;
      readonly method: 'GET' | 'POST';
      readonly path: string;
      readonly body: Readonly<Record<string, unknown>>;
      /** A file that becomes the body, or one of its fields. */
      readonly file?: { readonly path: string; readonly as: 'body' | 'ca_certificate_pem' };
    };

type Action = (
  ids: readonly string[],
  text: (option: string) => string | undefined,
) => Pick<Extract<ManageRequest, { kind: 'request' }>, 'method' | 'path' | 'body' | 'file'>;

interface Command {
  /** How many ids follow the command. */
  readonly ids: number;
  readonly needs?: 'name' | 'file';
  readonly action: Action;
}

const get = (path: string) => ({ method: 'GET', path, body: {} }) as const;
const post = (path: string, body: Readonly<Record<string, unknown>> = {}) => ({ method: 'POST', path, body }) as const;

const commands: Readonly<Record<string, Command>> = {
  'tunnels list': { ids: 0, action: () => get('/v1/tunnels?limit=1000') },
  'tunnels create': {
    ids: 0,
    action: (_, text) => ({
      ...post('/v1/tunnels', {
        ...(text('name') === undefined ? {} : { display_name: text('name') }),
        sallyport: { mode: text('transport') === undefined ? 'end_to_end' : 'transport' },
      }),
    }),
  },
  'tunnels archive': { ids: 1, action: ([tunnel]) => post(`/v1/tunnels/${tunnel}/archive`) },
  'tunnels token': { ids: 1, action: ([tunnel]) => post(`/v1/tunnels/${tunnel}/reveal_token`) },
  'tunnels rotate': {
    ids: 1,
    action: ([tunnel], text) =>
      post(`/v1/tunnels/${tunnel}/rotate_token`, text('reason') === undefined ? {} : { reason: text('reason') }),
  },
  'tunnels certificates': { ids: 1, action: ([tunnel]) => get(`/v1/tunnels/${tunnel}/certificates?limit=1000`) },
  'tunnels register': {
    ids: 1,
    needs: 'file',
    action: ([tunnel], text) => ({
      ...post(`/v1/tunnels/${tunnel}/certificates`),
      file: { path: text('file') ?? '', as: 'ca_certificate_pem' },
    }),
  },
  'tunnels unregister': {
    ids: 2,
    action: ([tunnel, certificate]) => post(`/v1/tunnels/${tunnel}/certificates/${certificate}/archive`),
  },
  'keys list': { ids: 0, action: () => get('/v1/api_keys') },
  'keys create': {
    ids: 0,
    needs: 'name',
    action: (_, text) =>
      post('/v1/api_keys', {
        name: text('name'),
        scopes: (text('scopes') ?? 'call').split(',').map((one) => one.trim()),
      }),
  },
  'keys revoke': { ids: 1, action: ([key]) => post(`/v1/api_keys/${key}/revoke`) },
  'policy get': { ids: 0, action: () => get('/v1/policy') },
  'policy set': {
    ids: 0,
    needs: 'file',
    action: (_, text) => ({ ...post('/v1/policy'), file: { path: text('file') ?? '', as: 'body' } }),
  },
};

const options: ParseArgsOptionsConfig = {
  data: { type: 'string' },
  control: { type: 'string' },
  'api-key-file': { type: 'string' },
  workspace: { type: 'string' },
  name: { type: 'string' },
  reason: { type: 'string' },
  scopes: { type: 'string' },
  file: { type: 'string' },
  transport: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
};
const idShape = /^[A-Za-z0-9_-]{1,64}$/;

/** The reason of a refusal is one line for the person who typed the command. */
export function parseManageRequest(args: readonly string[]): Result<ManageRequest, string> {
  let parsed;
  try {
    parsed = parseArgs({ args: [...args], options, strict: true, allowPositionals: true });
  } catch (error) {
    const [sentence = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    return fail(`${sentence.replace(/\. To specify .*$/, '')}: see sallyport ${args[0] ?? ''} --help`);
  }
  const { values, positionals } = parsed;
  if (values['help'] === true) return ok({ kind: 'help' });
  const text = (option: string) => {
    const value = values[option];
    return value === undefined ? undefined : String(value);
  };
  const access = {
    data: text('data'),
    control: text('control'),
    apiKeyFile: text('api-key-file'),
    workspace: text('workspace'),
  };
  const [group = '', verb = '', ...ids] = positionals;
  if (group === 'router-ca' && verb === '') return ok({ kind: 'router-ca', access });
  const name = `${group} ${verb}`.trim();
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) return fail(`there is no command ${name}: see sallyport ${group} --help`);
  if (ids.length !== command.ids || !ids.every((id) => idShape.test(id)))
    return fail(`${name} takes ${command.ids} id(s) after it: see sallyport ${group} --help`);
  if (command.needs !== undefined && (text(command.needs) ?? '') === '')
    return fail(`${name} needs --${command.needs}`);
  return ok({ kind: 'request', access, ...command.action(ids, text) });
}
