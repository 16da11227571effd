import { createHash } from 'node:crypto';
import type { IHeaders } from 'kafkajs';

const contentType = 'application/cloudevents+json; charset=UTF-8';
const repeatedAttributes = ['id', 'type', 'source', 'time'] as const;
const leafPrefix = Buffer.of(0);

/** RFC 6962 §2.1: the hash that the ledger will give the record. */
export function leafHashOf(value: Buffer): string {
  return createHash('sha256').update(leafPrefix).update(value).digest('hex');
}

/** CloudEvents Kafka binding 1.0, structured mode, with the attributes repeated that consumers route by, and the leaf hash. */
export function recordHeaders(value: Buffer): IHeaders {
  const headers: Record<string, string> = { 'content-type': contentType, leafhash: leafHashOf(value) };
  const event = parsed(value);
  for (const attribute of repeatedAttributes) {
    const text = event[attribute];
    if (typeof text === 'string') headers[`ce_${attribute}`] = text;
  }
  return headers;
}

function parsed(value: Buffer): Readonly<Record<string, unknown>> {
  try {
    const event: unknown = JSON.parse(value.toString('utf8'));
    return typeof event === 'object' && event !== null ? { ...event } : {};
  } catch {
    // Whatever it is, the log carries it; the ledger says what to do with it.
    return {};
  }
}
