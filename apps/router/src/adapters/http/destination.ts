import type { IncomingMessage } from 'node:http';
import type { GatewayErrorCode } from '@sallyport/mcp-wire';
import type { Result } from '@sallyport/result';
import type { ClientResponse } from './client-response.ts';
import type { MemoryBudget } from './memory-budget.ts';

/** A request that the front door has let in. */
export interface AcceptedRequest {
  readonly incoming: IncomingMessage;
  readonly client: ClientResponse;
  readonly credential: string;
  readonly clientIp: string;
  /** For what has to be held whole. */
  readonly memory: MemoryBudget;
}

/** Where a request goes, once it is known who sends it. */
export interface Destination {
  readonly principalId: string;
  /** Whether a request that stands was let in for good reason still; `unknown` where that cannot be asked now. */
  stillOpen(): Promise<'open' | 'closed' | 'unknown'>;
  posted(request: AcceptedRequest, body: Buffer): Promise<void>;
  /** Any method but POST. */
  withoutBody(request: AcceptedRequest): Promise<void>;
}

/** One kind of place that requests go to. */
export interface Destinations<Target> {
  resolve(credential: string, target: Target): Promise<Result<Destination, GatewayErrorCode>>;
  /** Ends what is still open. */
  stop(): Promise<void>;
}
