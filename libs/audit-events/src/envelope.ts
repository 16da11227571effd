import { canonicalize } from '@sallyport/transparency-log';
import type { CallEventBody } from './call-event.ts';
import type { CallSubject } from './call-subject.ts';
import type { ControlEventBody } from './control-event.ts';

/** What the writer adds: who writes, the place in its own sequence, when, and the event's id. */
export interface EnvelopeStamp {
  /** UUID version 7. */
  readonly id: string;
  /** The writing process instance, for example `router/0198…`. */
  readonly source: string;
  /** Contiguous from 1 per source. */
  readonly sequence: bigint;
  readonly timeMs: number;
  /** The partition key that the record is published with. */
  readonly key: string;
  /** W3C `traceparent` of the call or request. */
  readonly traceparent?: string;
}

const sequenceDigits = 20;

/** The canonical CloudEvents 1.0 envelope of one event of a call: the bytes that are published and hashed. */
export function callEnvelope(stamp: EnvelopeStamp, subject: CallSubject, seq: number, event: CallEventBody): string {
  const { phase, ...body } = event;
  const type = `sallyport.toolcall.${phase}.v1`;
  return envelope(stamp, type, `call/${subject.callId}`, { ...subject, seq, phase, ...body });
}

/** The same for what is not a call. `actorId` is a credential's id, or `system`. */
export function controlEnvelope(stamp: EnvelopeStamp, actorId: string, event: ControlEventBody): string {
  return envelope(stamp, `sallyport.control.${event.name}.v1`, `workspace/${event.body.workspaceId}`, {
    actorId,
    ...event.body,
  });
}

function envelope(stamp: EnvelopeStamp, type: string, subject: string, data: object): string {
  const text = canonicalize({
    specversion: '1.0',
    id: stamp.id,
    source: stamp.source,
    type,
    subject,
    time: new Date(stamp.timeMs).toISOString(),
    datacontenttype: 'application/json',
    dataschema: `urn:${type.replaceAll('.', ':')}`,
    sequence: stamp.sequence.toString().padStart(sequenceDigits, '0'),
    partitionkey: stamp.key,
    ...(stamp.traceparent === undefined ? {} : { traceparent: stamp.traceparent }),
    data,
  });
  if (!text.ok) throw new Error(`an event of type ${type} has no canonical form: ${text.reason}`);
  return text.value;
}
