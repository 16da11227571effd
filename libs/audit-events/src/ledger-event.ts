import { z } from 'zod';

const topic = z.string().max(249);
const irregular = z.strictObject({
  topic,
  offset: z.int().nonnegative(),
  leafIndex: z.int().nonnegative(),
  reason: z.string().max(64),
  /** The record as it came, for whoever is called out. */
  rawBase64: z.string(),
});

/** What the ledger itself publishes: signed checkpoints, and records that were not as they should be. They are about leaves, and no leaves. */
export const ledgerBodySchemas = {
  checkpoint: z.strictObject({
    origin: z.string().max(255),
    size: z.int().nonnegative(),
    rootHash: z.string().length(64),
    note: z.string(),
  }),
  conflict: irregular,
  unparseable: irregular,
} as const;

export type LedgerEventName = keyof typeof ledgerBodySchemas;
export const ledgerEventNames = Object.keys(ledgerBodySchemas) as readonly LedgerEventName[];
