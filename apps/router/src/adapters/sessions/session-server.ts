import { CLIENT_INFO_META_KEY, Server } from '@modelcontextprotocol/server';
import type { Logger } from '@sallyport/telemetry';
import type { SessionTools } from '../../ports/session-tools.ts';
import { type CallContext, runCall } from './run-call.ts';
import type { RunningCalls } from './running-calls.ts';
import type { SessionExchange } from './session-exchange.ts';

const identity = { name: 'sallyport', title: 'Sallyport sandbox session', version: '0.1.0' };
const instructions = 'The tools run in the sandbox of this session. Its files last as long as the session.';

export interface SessionServerParts {
  readonly tools: SessionTools;
  readonly running: RunningCalls;
  readonly log: Logger;
}

/** The SDK's server for one exchange. It is made for each: the low-level one costs a tenth of a millisecond and keeps nothing between two. */
export function sessionServer(exchange: SessionExchange, parts: SessionServerParts): Server {
  const { tools, running, log } = parts;
  const server = new Server(identity, { capabilities: { tools: {} }, instructions });
  server.setRequestHandler('tools/list', () =>
    orFailure(exchange, log, async () => {
      const listed = await tools.list(exchange.scope);
      if (!listed.ok) throw exchange.failWith(listed.reason);
      return { tools: listed.value.map((tool) => ({ ...tool, inputSchema: { ...tool.inputSchema, type: 'object' } })) };
    }),
  );
  server.setRequestHandler('tools/call', (_request, { mcpReq }) =>
    orFailure(exchange, log, () => {
      const progressToken = mcpReq._meta?.progressToken;
      const onProgress =
        progressToken === undefined
          ? undefined
          : (progress: number, message: string) => {
              const params = { progressToken, progress, message };
              mcpReq.notify({ method: 'notifications/progress', params }).catch(() => undefined); // nobody listens any more
            };
      return runCall(exchange, { tools, running, client: clientOf(mcpReq.envelope), onProgress });
    }),
  );
  return server;
}

/** As the client names itself, which only modern requests do. */
function clientOf(envelope: Readonly<Record<string, unknown>> = {}): CallContext['client'] {
  const { name, version } = (envelope[CLIENT_INFO_META_KEY] ?? {}) as Readonly<Record<string, unknown>>;
  return { name: typeof name === 'string' ? name : '', version: typeof version === 'string' ? version : '' };
}

/** The SDK would tell the client what an unexpected error says. */
async function orFailure<Value>(exchange: SessionExchange, log: Logger, run: () => Promise<Value>): Promise<Value> {
  try {
    return await run();
  } catch (error) {
    if (exchange.failure !== undefined) throw error;
    log.error({ err: error, callId: exchange.callId }, 'a request to a session failed');
    throw exchange.fail({ code: 'internal' });
  }
}
