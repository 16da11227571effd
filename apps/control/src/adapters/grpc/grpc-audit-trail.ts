import { type ClientReadableStream, type ServiceError, status } from '@grpc/grpc-js';
import { audit } from '@sallyport/contracts';
import { callUnary, type GrpcChannel } from '@sallyport/grpc';
import { AuditTrail } from '../../ports/audit-trail.ts';

const deadlineMs = 15_000;

export class GrpcAuditTrail extends AuditTrail {
  readonly #client: audit.AuditServiceClient;

  constructor(channel: GrpcChannel) {
    super();
    this.#client = new audit.AuditServiceClient(channel.address, channel.credentials, channel.options);
  }

  override listEvents(request: audit.ListEventsRequest): Promise<audit.ListEventsResponse> {
    return callUnary(this.#client.listEvents.bind(this.#client), request, { deadlineMs });
  }

  override getCall(request: audit.GetCallRequest): Promise<audit.GetCallResponse | undefined> {
    return callUnary(this.#client.getCall.bind(this.#client), request, { deadlineMs }).catch(
      unlessStatus(status.NOT_FOUND, undefined),
    );
  }

  override proveCall(request: audit.ProveCallRequest): Promise<audit.ProveCallResponse | undefined | 'not-signed-yet'> {
    return callUnary(this.#client.proveCall.bind(this.#client), request, { deadlineMs })
      .catch(unlessStatus(status.NOT_FOUND, undefined))
      .catch(unlessStatus(status.FAILED_PRECONDITION, 'not-signed-yet' as const));
  }

  override listLogs(): Promise<audit.ListLogsResponse> {
    return callUnary(this.#client.listLogs.bind(this.#client), {}, { deadlineMs });
  }

  override tailEvents(request: audit.TailEventsRequest, signal: AbortSignal): AsyncIterable<audit.TailEventsResponse> {
    return messages(this.#client.tailEvents(request), signal);
  }

  override exportTiles(signal: AbortSignal): AsyncIterable<audit.ExportTilesResponse> {
    return messages(this.#client.exportTiles({}), signal);
  }

  override rebuildLedger(signal: AbortSignal): AsyncIterable<audit.RebuildLedgerResponse> {
    return messages(this.#client.rebuildLedger({}), signal);
  }
}

function unlessStatus<Value>(code: status, value: Value): (error: ServiceError) => Value {
  return (error) => {
    if (error.code === code) return value;
    throw error;
  };
}

async function* messages<Message>(stream: ClientReadableStream<Message>, signal: AbortSignal): AsyncIterable<Message> {
  const cancel = () => stream.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    for await (const message of stream) yield message as Message;
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener('abort', cancel);
    stream.cancel();
  }
}
