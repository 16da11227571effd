import { type RelayMark, ResponseScanner, SseRelayScanner } from '@sallyport/mcp-wire';
import type { CallInFlight, EndVerdict } from '../../application/call-in-flight.ts';
import { endFromAnswer } from '../../domain/call-outcome.ts';
import type { UpstreamFailure, UpstreamResponse } from '../../ports/upstreams.ts';
import { AnswerCommitments, type CommitResult } from './answer-commitments.ts';
import { answerOf } from './answer-of.ts';
import type { ClientResponse } from './client-response.ts';
import { HeldAnswer } from './held-answer.ts';
import { type BodyKind, bodyKind, pump } from './relay-plain.ts';

export interface RelayedCall {
  readonly call: CallInFlight;
  readonly id: { readonly raw: string; readonly key: string };
  readonly era: 'legacy' | 'modern';
  readonly commitResult: CommitResult;
  /** Another open call of the same client, which a JSON-RPC id names. */
  readonly otherCall: (jsonrpcIdKey: string) => CallInFlight | undefined;
  /** A legacy stream that ended without the answer and can be resumed: the call stays open for a while. */
  readonly awaitResumption: () => void;
}

/** Relays the answer to a call. Nothing that completes the answer goes out before the end of the call is recorded. */
export async function relayCall(
  relayed: RelayedCall,
  upstream: UpstreamResponse,
  client: ClientResponse,
): Promise<void> {
  const kind = bodyKind(upstream);
  if (kind === 'event_stream') await relayStream(relayed, upstream, client);
  else if (kind === 'encoded') await refuseAnswer(relayed, upstream, client, 'answer_encoded');
  else await relayBody(relayed, kind, upstream, client);
}

/** How a call ends that got no answer, for whatever reason the tunnel gave. */
export async function endBroken(
  relayed: RelayedCall,
  failure: UpstreamFailure,
  httpStatus?: number,
): Promise<EndVerdict> {
  const { call } = relayed;
  const facts = httpStatus === undefined ? {} : { httpStatus };
  const effect = failure.sent ? 'unknown' : 'none';
  if (call.cancelRequested)
    return call.end('cancelled', { status: 'client_cancelled', effect }, { ...facts, cancelForwarded: true });
  if (failure.code === 'upstream_timeout')
    return call.end(
      'timed_out',
      { status: 'deadline', code: failure.reason, effect },
      { ...facts, cancelForwarded: true },
    );
  return call.end('failed', { status: 'transport_error', code: failure.code, effect }, facts);
}

/** An answer that cannot be held back, because where it is complete cannot be seen, does not go out. */
async function refuseAnswer(
  { call, id }: RelayedCall,
  upstream: UpstreamResponse,
  client: ClientResponse,
  code: 'answer_encoded' | 'answer_malformed',
): Promise<void> {
  upstream.body.destroy();
  const end = { status: 'invalid_response', code, effect: 'unknown' } as const;
  const verdict = await call.end('failed', end, { httpStatus: upstream.status });
  if (verdict === 'withheld') client.error({ code: 'outcome_unrecorded', id });
  else client.error({ code: 'upstream_malformed', id, data: { reason: code } });
}

async function relayBody(
  relayed: RelayedCall,
  kind: BodyKind,
  upstream: UpstreamResponse,
  client: ClientResponse,
): Promise<void> {
  const scanner = new ResponseScanner();
  const commitment = relayed.commitResult();
  const held = new HeldAnswer(scanner);
  let refused = false;
  await pump(upstream.body, (chunk) => {
    commitment.update(chunk);
    const free = held.push(chunk);
    if (free === undefined) return undefined;
    if (free === 'too_long') {
      refused = true;
      upstream.body.destroy();
      return undefined;
    }
    if (!client.headSent) client.head(upstream.status, upstream.headers);
    return client.write(free) ? undefined : client.drained();
  });
  if (refused) return refuseAnswer(relayed, upstream, client, 'answer_malformed');
  if (!upstream.body.readableEnded) return answerBroken(relayed, upstream, client);
  const message = kind === 'json' ? scanner.message : undefined;
  const seen = {
    httpStatus: upstream.status,
    message: message === undefined ? undefined : answerOf(message, relayed.id.key),
  };
  const { phase, ...end } = endFromAnswer(seen);
  const verdict = await relayed.call.end(phase, end, { httpStatus: upstream.status, result: commitment.finish() });
  if (verdict !== 'recorded') return withhold(relayed, verdict, client);
  const rest = held.rest();
  if (!client.headSent) client.head(upstream.status, upstream.headers, rest.length);
  client.end(rest);
}

function withhold({ id }: RelayedCall, verdict: 'withheld' | 'ended_before', client: ClientResponse): void {
  if (verdict === 'withheld') return client.error({ code: 'outcome_unrecorded', id });
  const sentence = 'The call had been ended when its answer came; the answer is withheld.';
  client.error({ code: 'stream_lost', id, sentence, data: { reason: 'call_ended' } });
}

async function answerBroken(relayed: RelayedCall, upstream: UpstreamResponse, client: ClientResponse): Promise<void> {
  const failure = upstream.broken();
  const verdict = await endBroken(relayed, failure, upstream.status);
  if (verdict === 'withheld') client.error({ code: 'outcome_unrecorded', id: relayed.id });
  else
    client.error({ code: failure.code, id: relayed.id, sentence: failure.sentence, data: { reason: failure.reason } });
}

async function relayStream(relayed: RelayedCall, upstream: UpstreamResponse, client: ClientResponse): Promise<void> {
  const commitments = new AnswerCommitments(relayed.commitResult);
  const scanner = new SseRelayScanner(relayed.id, commitments);
  const answer = new StreamedAnswer(relayed, upstream, client, commitments);
  client.head(upstream.status, upstream.headers);
  client.flushHead();
  client.keepAlive(() => scanner.isBetweenEvents && !answer.isHeld);
  await pump(upstream.body, (chunk) => {
    const marks = scanner.push(chunk).filter(endsCall);
    if (marks.length > 0) return answer.release(chunk, marks);
    if (answer.isHeld) return undefined;
    return client.write(chunk) ? undefined : client.drained();
  });
  if (answer.isHeld) return client.cut();
  if (relayed.call.ended) return client.end();
  await endWithoutAnswer(relayed, scanner, upstream, client);
}

/** A response to something else, and text that only might be the answer, are held back like the answer itself. */
function endsCall(mark: RelayMark): boolean {
  return mark.verdict === 'answer' || mark.verdict === 'response' || mark.verdict === 'malformed';
}

/** The part of a stream in which a client could find an answer. */
class StreamedAnswer {
  /** Nothing goes out: an end is being recorded, or could not be. */
  isHeld = false;
  #answered = false;
  readonly #relayed: RelayedCall;
  readonly #upstream: UpstreamResponse;
  readonly #client: ClientResponse;
  readonly #commitments: AnswerCommitments;

  constructor(
    relayed: RelayedCall,
    upstream: UpstreamResponse,
    client: ClientResponse,
    commitments: AnswerCommitments,
  ) {
    this.#relayed = relayed;
    this.#upstream = upstream;
    this.#client = client;
    this.#commitments = commitments;
  }

  /** Lets out of the chunk what comes before each mark, then ends the call that the mark answers, then goes on. */
  async release(chunk: Buffer, marks: readonly RelayMark[]): Promise<void> {
    if (this.isHeld) return;
    let from = 0;
    for (const mark of marks) {
      const other =
        mark.verdict === 'response' && mark.message?.id !== undefined
          ? this.#relayed.otherCall(mark.message.id.key)
          : undefined;
      if (other === undefined && this.#answered) continue;
      this.#client.write(chunk.subarray(from, mark.offset));
      from = mark.offset;
      this.isHeld = true;
      const verdict = await this.#end(other ?? this.#relayed.call, mark);
      if (verdict !== 'recorded' || mark.verdict === 'malformed') {
        this.#upstream.body.destroy();
        return;
      }
      this.isHeld = false;
      if (other === undefined) this.#answered = true;
    }
    if (!this.#client.write(chunk.subarray(from))) await this.#client.drained();
  }

  #end(call: CallInFlight, mark: RelayMark): Promise<EndVerdict> {
    const isOwn = call === this.#relayed.call;
    const awaitedKey = isOwn ? this.#relayed.id.key : (mark.message?.id?.key ?? '');
    const isAnswer = mark.message !== undefined && (!isOwn || mark.verdict === 'answer');
    const message = isAnswer && mark.message !== undefined ? answerOf(mark.message, awaitedKey) : undefined;
    const httpStatus = this.#upstream.status;
    const { phase, ...end } = endFromAnswer({ httpStatus, message });
    const result = isOwn ? this.#commitments.of(mark) : undefined;
    return call.end(phase, end, { httpStatus, ...(result === undefined ? {} : { result }) });
  }
}

async function endWithoutAnswer(
  relayed: RelayedCall,
  scanner: SseRelayScanner,
  upstream: UpstreamResponse,
  client: ClientResponse,
): Promise<void> {
  const broken = !upstream.body.readableEnded;
  if (relayed.era === 'legacy' && scanner.lastEventId !== undefined && !relayed.call.cancelRequested) {
    relayed.awaitResumption();
    return broken ? client.cut() : client.end();
  }
  if (broken) await endBroken(relayed, upstream.broken(), upstream.status);
  else if (relayed.call.cancelRequested) {
    await relayed.call.end(
      'cancelled',
      { status: 'client_cancelled', effect: 'unknown' },
      { httpStatus: upstream.status, cancelForwarded: true },
    );
  } else {
    await relayed.call.end(
      'failed',
      { status: 'invalid_response', code: 'stream_ended_without_answer', effect: 'unknown' },
      { httpStatus: upstream.status },
    );
  }
  if (broken) client.cut();
  else client.end();
}
