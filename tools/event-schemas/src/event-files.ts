import { envelopeSchemas } from '@sallyport/audit-events';
import { z } from 'zod';
import { sampleEnvelopes } from './samples.ts';

/** The published files, by name: a JSON Schema and a sample of every type of event. */
export function eventFiles(): ReadonlyMap<string, string> {
  const samples = sampleEnvelopes();
  const files = new Map<string, string>();
  for (const { type, schema } of envelopeSchemas) {
    const sample = samples.get(type);
    if (sample === undefined) throw new Error(`${type} has no sample: add one to samples.ts`);
    schema.parse(JSON.parse(sample));
    files.set(
      `${type}.schema.json`,
      `${JSON.stringify({ title: type, ...openForGrowth(z.toJSONSchema(schema)) }, null, 2)}\n`,
    );
    files.set(`${type}.sample.json`, `${JSON.stringify(JSON.parse(sample), null, 2)}\n`);
  }
  return files;
}

/** What we write is exact; what a consumer accepts must let fields be added. */
function openForGrowth(schema: unknown): object {
  const opened: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(schema as Record<string, unknown>)) {
    if (name === 'additionalProperties') continue;
    opened[name] = typeof value === 'object' && value !== null && !Array.isArray(value) ? openForGrowth(value) : value;
  }
  return opened;
}
