import { z } from 'zod';
import { callBodySchemas, callPhases } from './call-event.ts';
import { callSubjectSchema } from './call-subject.ts';
import { controlBodySchemas, controlEventNames } from './control-event.ts';
import { ledgerBodySchemas, ledgerEventNames } from './ledger-event.ts';

export interface EnvelopeSchema {
  /** The CloudEvents `type`. */
  readonly type: string;
  readonly schema: z.ZodType;
}

const attributes = {
  specversion: z.literal('1.0'),
  id: z.uuid(),
  source: z.string(),
  subject: z.string(),
  time: z.iso.datetime(),
  datacontenttype: z.literal('application/json'),
  dataschema: z.string(),
  sequence: z.string().regex(/^\d{20}$/),
  partitionkey: z.string(),
  traceparent: z.string().optional(),
};

const ledgerAttributes = {
  specversion: attributes.specversion,
  id: attributes.id,
  source: attributes.source,
  subject: attributes.subject,
  time: attributes.time,
  datacontenttype: attributes.datacontenttype,
};

const envelope = (type: string, data: z.ZodType): EnvelopeSchema => ({
  type,
  schema: z.strictObject({ ...attributes, type: z.literal(type), data }),
});

/** Every type of event there is, with the schema of its whole envelope; `docs/events/` is made from it. */
export const envelopeSchemas: readonly EnvelopeSchema[] = [
  ...callPhases.map((phase) =>
    envelope(
      `sallyport.toolcall.${phase}.v1`,
      z.strictObject({
        ...callSubjectSchema.shape,
        seq: z.int().min(1),
        phase: z.literal(phase),
        ...callBodySchemas[phase].shape,
      }),
    ),
  ),
  ...controlEventNames.map((name) =>
    envelope(
      `sallyport.control.${name}.v1`,
      z.strictObject({ actorId: z.string().max(64), ...controlBodySchemas[name].shape }),
    ),
  ),
  ...ledgerEventNames.map((name) => {
    const type = `sallyport.ledger.${name}.v1`;
    return {
      type,
      schema: z.strictObject({ ...ledgerAttributes, type: z.literal(type), data: ledgerBodySchemas[name] }),
    };
  }),
];
