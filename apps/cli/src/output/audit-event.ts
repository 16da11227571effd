import { z } from 'zod';

const text = z.string().optional().catch(undefined);
const envelopeSchema = z.looseObject({
  type: z.string(),
  time: z.string(),
  data: z.looseObject({
    callId: text,
    phase: text,
    seq: z.number().optional().catch(undefined),
    actorId: text,
    actor: z.looseObject({ principalId: text }).optional().catch(undefined),
    tool: z.looseObject({ name: text, server: text }).optional().catch(undefined),
    decision: z.looseObject({ reason: text, ruleId: text }).optional().catch(undefined),
    outcome: z
      .looseObject({ status: text, code: text, durationMs: z.number().optional().catch(undefined) })
      .optional()
      .catch(undefined),
  }),
});

/** A CloudEvents envelope of the ledger, with what the commands look at. */
export type Envelope = z.infer<typeof envelopeSchema>;

/** An event as control sends it. */
export interface LedgerEvent {
  readonly origin: string;
  readonly leafIndex: number;
  readonly envelope: Envelope;
  /** The canonical text that was hashed. */
  readonly text: string;
}

const ledgerEventSchema = z.object({ origin: z.string(), leaf_index: z.number(), envelope: z.string() });

/** Undefined where the value is no event. */
export function parseLedgerEvent(value: unknown): LedgerEvent | undefined {
  const event = ledgerEventSchema.safeParse(value);
  if (!event.success) return undefined;
  try {
    const envelope = envelopeSchema.safeParse(JSON.parse(event.data.envelope));
    if (!envelope.success) return undefined;
    const { origin, leaf_index: leafIndex, envelope: text } = event.data;
    return { origin, leafIndex, envelope: envelope.data, text };
  } catch {
    return undefined;
  }
}

/** The envelope with every field, in its own order. */
export function wholeEnvelope({ text }: LedgerEvent): Readonly<Record<string, unknown>> {
  return JSON.parse(text) as Readonly<Record<string, unknown>>;
}

/** One line for a program. */
export function auditJson(event: LedgerEvent): Readonly<Record<string, unknown>> {
  return { event: 'audit', origin: event.origin, leafIndex: event.leafIndex, envelope: wholeEnvelope(event) };
}

/** One line for a person: when, what, about which call, by whom. */
export function auditLine({ envelope }: LedgerEvent): string {
  const { type, time, data } = envelope;
  const name = type.replace(/^sallyport\.(?:toolcall|control)\./, '').replace(/\.v1$/, '');
  const { decision, outcome } = data;
  const about =
    data.seq === undefined
      ? [data.actorId === undefined ? undefined : `by ${data.actorId}`, ...plainFields(data)]
      : [
          data.tool === undefined ? undefined : `${data.tool.server ?? '?'}/${data.tool.name ?? '?'}`,
          data.callId,
          `#${data.seq ?? '?'}`,
          decision === undefined ? undefined : [decision.reason, decision.ruleId].filter(Boolean).join(' '),
          outcome === undefined
            ? undefined
            : [outcome.status, outcome.code, `${outcome.durationMs ?? '?'} ms`].filter(Boolean).join(' '),
        ];
  const words = about.filter((word) => word !== undefined && word !== '');
  return printable(`${time}  ${name.padEnd(12)} ${words.join('  ')}`);
}

/** The short texts of a control event, as they are. */
function plainFields(data: Envelope['data']): string[] {
  return Object.entries(data)
    .filter(([name, value]) => typeof value === 'string' && name !== 'actorId' && name !== 'workspaceId')
    .map(([name, value]) => `${name}=${String(value)}`);
}

/** Clients choose tool names: no control character of theirs reaches a terminal. */
function printable(line: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  return line.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, '\uFFFD');
}
