import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';

import { fail, ok, type Result } from '@sallyport/result';

import type { AccessOptions } from '../control/control-access.ts';

export const auditHelp = `Usage: sallyport audit COMMAND [OPTIONS]

  tail                               follow the ledger              [--backlog N] [--json]
  events                             list events, newest first      [--limit N] [--oldest-first] [--json] and filters:
                                     --call --type --tool --tunnel --principal --phase --from TIME --to TIME
  show CALL                          all events of a call           [--json: one array of envelopes]
  prove CALL                         the proofs that the call's events stand in the log, checked here   [--json]
  export --tiles DIR                 write the verifiable export of every log into a new folder
  verify DIR --vkeys FILE            check an export, offline; one verifier key a line   [--extends OLDER_DIR] [--json]
  rebuild                            build the ledger again from the event log and compare every signed root

Where control is (all but verify):
  --data DIR                         a suite on this machine (default: where \`sallyport up\` keeps its data)
  --control URL                      any control, with --api-key-file FILE or the environment variable SALLYPORT_API_KEY
  --workspace ID                     look at one workspace with an operator's key
`;

const accessShapes = {
  data: { type: 'string' },
  control: { type: 'string' },
  'api-key-file': { type: 'string' },
  workspace: { type: 'string' },
  json: { type: 'boolean' },
} as const;

const filterShapes = {
  call: { type: 'string' },
  type: { type: 'string' },
  tool: { type: 'string' },
  tunnel: { type: 'string' },
  principal: { type: 'string' },
  phase: { type: 'string' },
  from: { type: 'string' },
  to: { type: 'string' },
} as const;

const commandShapes = {
  tail: { ...accessShapes, backlog: { type: 'string' } },
  events: { ...accessShapes, ...filterShapes, limit: { type: 'string' }, 'oldest-first': { type: 'boolean' } },
  show: accessShapes,
  prove: accessShapes,
  export: { ...accessShapes, tiles: { type: 'string' } },
  verify: { json: { type: 'boolean' }, vkeys: { type: 'string' }, extends: { type: 'string' } },
  rebuild: accessShapes,
} as const;

type CommandName = keyof typeof commandShapes;

/** Names of the filters in control's query, by the names of the options. */
const queryNames: Readonly<Record<keyof typeof filterShapes, string>> = {
  call: 'call_id',
  type: 'type',
  tool: 'tool',
  tunnel: 'tunnel_id',
  principal: 'principal_id',
  phase: 'phase',
  from: 'from',
  to: 'to',
};

interface Reading {
  readonly access: AccessOptions;
  readonly json: boolean;
}

export type AuditCommand =
  | { readonly command: 'help' }
  | ({ readonly command: 'tail'; readonly backlog: number } & Reading)
  | ({
      readonly command: 'events';
      readonly limit: number;
      readonly query: Readonly<Record<string, string>>;
    } & Reading)
  | ({ readonly command: 'show' | 'prove'; readonly callId: string } & Reading)
  | ({ readonly command: 'export'; readonly tiles: string } & Reading)
  | ({ readonly command: 'rebuild' } & Reading)
  | {
      readonly command: 'verify';
      readonly directory: string;
      readonly vkeysFile: string;
      readonly older: string | undefined;
      readonly json: boolean;
    };

const backlogMax = 1_000;
const limitDefault = 100;
const limitMax = 1_000_000;

/** The reason of a refusal is one line for the person who typed the command. */
export function parseAuditCommand(args: readonly string[]): Result<AuditCommand, string> {
  const [name, ...rest] = args;
  if (name === undefined) return fail('name an audit command: see sallyport audit --help');
  if (args.includes('--help') || args.includes('-h') || name === 'help') return ok({ command: 'help' });
  if (!isCommandName(name)) return fail(`there is no command audit ${name}: see sallyport audit --help`);
  try {
    const options: ParseArgsOptionsConfig = commandShapes[name];
    const parsed = parseArgs({ args: rest, options, strict: true, allowPositionals: true });
    return commandOf(name, parsed.values as Values, parsed.positionals);
  } catch (error) {
    const [sentence = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    return fail(`${sentence.replace(/\. To specify .*$/, '')}: see sallyport audit --help`);
  }
}

type Values = Readonly<Record<string, string | boolean | undefined>>;

function commandOf(name: CommandName, values: Values, positionals: readonly string[]): Result<AuditCommand, string> {
  const wanted = name === 'show' || name === 'prove' || name === 'verify' ? 1 : 0;
  if (positionals.length > wanted) return fail(`audit ${name} does not take "${positionals[wanted] ?? ''}"`);
  const [operand] = positionals;
  const text = (option: string) => values[option] as string | undefined;
  const json = values['json'] === true;
  const reading: Reading = {
    json,
    access: {
      data: text('data'),
      control: text('control'),
      apiKeyFile: text('api-key-file'),
      workspace: text('workspace'),
    },
  };
  switch (name) {
    case 'tail': {
      const backlog = wholeNumber(text('backlog') ?? '0', backlogMax);
      return backlog === undefined
        ? fail(`--backlog must be a number from 0 to ${backlogMax}`)
        : ok({ command: name, backlog, ...reading });
    }
    case 'events': {
      const limit = wholeNumber(text('limit') ?? String(limitDefault), limitMax);
      if (limit === undefined || limit === 0) return fail(`--limit must be a number from 1 to ${limitMax}`);
      return ok({ command: name, limit, query: eventQuery(values), ...reading });
    }
    case 'show':
    case 'prove':
      return operand === undefined
        ? fail(`audit ${name} needs the id of a call, call_…: the router's header sallyport-call-id has it`)
        : ok({ command: name, callId: operand, ...reading });
    case 'export': {
      const tiles = text('tiles');
      return tiles === undefined || tiles === ''
        ? fail('audit export needs --tiles DIR, a new folder')
        : ok({ command: name, tiles, ...reading });
    }
    case 'verify': {
      const vkeysFile = text('vkeys');
      if (operand === undefined || vkeysFile === undefined)
        return fail('audit verify needs an exported folder and --vkeys FILE');
      return ok({ command: name, directory: operand, vkeysFile, older: text('extends'), json });
    }
    case 'rebuild':
      return ok({ command: name, ...reading });
  }
}

function eventQuery(values: Values): Readonly<Record<string, string>> {
  const filters = Object.entries(queryNames).flatMap(([option, query]) => {
    const value = values[option];
    return typeof value === 'string' && value !== '' ? [[query, value] as const] : [];
  });
  return Object.fromEntries([['order', values['oldest-first'] === true ? 'asc' : 'desc'], ...filters]);
}

function isCommandName(name: string): name is CommandName {
  return Object.hasOwn(commandShapes, name);
}

function wholeNumber(text: string, max: number): number | undefined {
  const value = Number(text);
  return /^\d{1,9}$/.test(text) && value <= max ? value : undefined;
}
