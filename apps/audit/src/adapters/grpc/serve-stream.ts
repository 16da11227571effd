import { once } from 'node:events';
import { type ServerWritableStream, status } from '@grpc/grpc-js';
import { type GrpcFailure, grpcFailure } from '@sallyport/grpc';

/** A caller that takes nothing for this long is let go. */
const sendMsMax = 60_000;

const tooSlow = grpcFailure(status.ABORTED, 'reader_too_slow', 'the reader took nothing for a minute: ask again');

/**
 * Answers a call with messages, no faster than the caller takes them. Ends with the failure that `produce` resolves with, or well. The signal is
 * aborted when the caller leaves.
 */
export async function serveStream<Request, Message>(
  call: ServerWritableStream<Request, Message>,
  produce: (send: (message: Message) => Promise<void>, signal: AbortSignal) => Promise<GrpcFailure | undefined>,
  unexpected: (error: unknown) => GrpcFailure,
): Promise<void> {
  const left = new AbortController();
  call.on('cancelled', () => left.abort());
  call.on('error', () => left.abort());
  const send = async (message: Message) => {
    left.signal.throwIfAborted();
    if (call.write(message)) return;
    const slow = AbortSignal.timeout(sendMsMax);
    await once(call, 'drain', { signal: AbortSignal.any([left.signal, slow]) }).catch((error: unknown) => {
      throw slow.aborted ? tooSlow : error;
    });
  };
  let failure: GrpcFailure | undefined;
  try {
    failure = await produce(send, left.signal);
  } catch (error) {
    if (!left.signal.aborted) failure = error === tooSlow ? tooSlow : unexpected(error);
  }
  if (left.signal.aborted) call.end();
  else if (failure === undefined) call.end();
  else call.emit('error', failure);
}
