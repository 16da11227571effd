import { common, eventsPerCall, rare, SyntheticCalls } from './synthetic-calls.ts';

export interface LedgerQuery {
  readonly title: string;
  /** Of control's API; each repetition may ask for something else. */
  readonly path: (repetition: number) => string;
  /** The one that is looked at; empty: all. */
  readonly workspaceId: string;
}

const minuteMs = 60_000;
const msPerCall = 8 * eventsPerCall;

/** What people and SIEMs ask a ledger that covers this time. */
export function ledgerQueries(fromMs: number, toMs: number): readonly LedgerQuery[] {
  const middleMs = (fromMs + toMs) / 2;
  const minute = (atMs: number) => ({ from: iso(atMs), to: iso(atMs + minuteMs) });
  const calls = Math.floor((toMs - fromMs) / msPerCall);
  const someCall = (at: number) => SyntheticCalls.callId(Math.floor((calls * (at + 0.5)) / 9));
  const search = (title: string, filter: Readonly<Record<string, string>>, workspaceId = ''): LedgerQuery => ({
    title,
    path: () => `/v1/audit/events?${new URLSearchParams({ limit: '100', ...filter }).toString()}`,
    workspaceId,
  });
  return [
    { title: 'show a call', path: (at) => `/v1/audit/calls/${someCall(at)}`, workspaceId: '' },
    { title: 'prove a call', path: (at) => `/v1/audit/calls/${someCall(at)}/proof`, workspaceId: '' },
    search('newest', {}),
    search('oldest', { order: 'asc' }),
    search('a workspace', {}, common.workspace),
    search('a small workspace', {}, rare.workspace),
    search('a tool', { tool: common.tool }),
    search('a rare tool', { tool: rare.tool }),
    search('a rare tool in its workspace', { tool: rare.tool }, rare.workspace),
    search('a rare tool in a large workspace', { tool: rare.tool }, common.workspace),
    search('a tool that nobody has called', { tool: 'no_such_tool' }),
    search('a principal', { principal_id: common.principal }),
    search('a rare principal', { principal_id: rare.principal }),
    search('a tunnel that does not exist', { tunnel_id: 'tnl_none' }),
    search('denied calls', { phase: 'denied' }),
    search('orphaned calls', { phase: 'orphaned' }),
    search('orphaned calls, oldest first', { phase: 'orphaned', order: 'asc' }),
    search('a type that is not there', { type: 'sallyport.toolcall.none.v1' }),
    search('a minute in the middle', minute(middleMs)),
    search('a minute near the start, oldest first', { ...minute(fromMs + 2 * minuteMs), order: 'asc' }),
    search('a minute near the start', minute(fromMs + 2 * minuteMs)),
    search('denied calls in a minute in the middle', { ...minute(middleMs), phase: 'denied' }),
    search('a rare tool in the older half', { tool: rare.tool, to: iso(middleMs) }),
    search('a day before all of it', { from: iso(fromMs - 2 * 86_400_000), to: iso(fromMs - 86_400_000) }),
  ];
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
