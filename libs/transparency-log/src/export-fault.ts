import type { CheckpointRefusal } from './checkpoint.ts';

export type ExportFaultCode =
  | CheckpointRefusal
  | 'no-log'
  | 'missing-log'
  | 'missing-file'
  | 'malformed-bundle'
  | 'wrong-entry'
  | 'wrong-tile'
  | 'wrong-root'
  | 'older-checkpoint-refused'
  | 'log-shrank'
  | 'not-an-extension';

/** What is wrong with an export, and where. */
export interface ExportFault {
  readonly code: ExportFaultCode;
  /** The folder of the log; empty where the export has none. */
  readonly log: string;
  /** The file below the log's folder, where one is to blame. */
  readonly path?: string;
  /** The first leaf that is wrong, where it can be told; of `leafCount` leaves from here on, one or more are. */
  readonly leafIndex?: number;
  readonly leafCount?: number;
}

const sentences: Record<ExportFaultCode, string> = {
  'malformed-note': 'the checkpoint is not a signed note',
  'invalid-signature': 'the signature of the checkpoint is wrong',
  'no-known-signature': 'no known key signed the checkpoint',
  'malformed-checkpoint': 'the checkpoint is malformed',
  'wrong-origin': 'the checkpoint belongs to another log',
  'no-log': 'there is no log',
  'missing-log': 'a key names this log, and it is missing',
  'missing-file': 'a file is missing',
  'malformed-bundle': 'the entry bundle is malformed',
  'wrong-entry': 'the entry does not have the hash that its tile holds',
  'wrong-tile': 'the tile does not hold the hashes of what lies below it',
  'wrong-root': 'the entries do not have the root that was signed',
  'older-checkpoint-refused': 'the older checkpoint does not verify',
  'log-shrank': 'the log is smaller than the older one',
  'not-an-extension': 'the older log is not a prefix of this one',
};

/** One line for a person: log, leaf, file, sentence. */
export function describeFault(fault: ExportFault): string {
  const where = [fault.log === '' ? 'export' : fault.log];
  if (fault.leafIndex !== undefined)
    where.push(
      (fault.leafCount ?? 1) > 1
        ? `leaves ${fault.leafIndex} to ${fault.leafIndex + (fault.leafCount ?? 1) - 1}`
        : `leaf ${fault.leafIndex}`,
    );
  if (fault.path !== undefined) where.push(fault.path);
  return `${where.join(', ')}: ${sentences[fault.code]} (${fault.code})`;
}
