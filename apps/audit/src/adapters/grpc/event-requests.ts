import type { audit } from '@sallyport/contracts';
import { type Result, fail, ok } from '@sallyport/result';
import type { EventPageRequest } from '../../application/list-events.ts';
import type { EventFilter } from '../../ports/ledger-reader.ts';

const limitDefault = 100;
const limitMax = 1_000;
const fieldCharactersMax = 256;
const timeShape = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/;

/** A text that a search can be for. PostgreSQL's text holds no NUL. */
export function isSearchText(text: string): boolean {
  return text.length <= fieldCharactersMax && !text.includes('\0');
}

/** Refuses with the name of the field that is wrong. */
export function readListRequest(request: audit.ListEventsRequest): Result<EventPageRequest, string> {
  if (request.limit > limitMax) return fail('limit');
  const fromTime = readTime(request.fromTime);
  const toTime = readTime(request.toTime);
  if (fromTime === undefined) return fail('from_time');
  if (toTime === undefined) return fail('to_time');
  const filter: EventFilter = {
    workspace: request.workspaceId,
    callId: request.callId,
    type: request.type,
    tool: request.tool,
    tunnel: request.tunnelId,
    principal: request.principalId,
    phase: request.phase,
    fromTime,
    toTime,
  };
  const wrong = Object.entries(filter).find(([, text]) => !isSearchText(text));
  if (wrong !== undefined) return fail(wrong[0]);
  const limit = request.limit === 0 ? limitDefault : request.limit;
  return ok({ filter, limit, page: request.page, newestFirst: request.newestFirst });
}

function readTime(text: string): string | undefined {
  if (text === '') return '';
  const timeMs = timeShape.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(timeMs) ? undefined : new Date(timeMs).toISOString();
}
