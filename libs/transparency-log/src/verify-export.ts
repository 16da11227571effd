import { type Result, fail, ok } from '@sallyport/result';
import type { Checkpoint } from './checkpoint.ts';
import type { ExportFault } from './export-fault.ts';
import { topicOfOrigin } from './log-origin.ts';
import type { NoteVerifier } from './note-keys.ts';
import { type LogFiles, verifyLog } from './verify-log.ts';

export interface ExportVerification {
  /** The folders of the export by name: a log's folder is named after its topic. */
  readonly logs: ReadonlyMap<string, LogFiles>;
  readonly verifiers: readonly NoteVerifier[];
  /** The logs of an earlier export: each must be a prefix of the log of the same name. */
  readonly olderLogs?: ReadonlyMap<string, LogFiles>;
}

export interface VerifiedLog extends Checkpoint {
  readonly log: string;
}

/**
 * Checks every log of an export, and that none is missing which a key or the older export names. Answers with all verified logs, or with one
 * fault per log that is wrong.
 */
export async function verifyExport(
  request: ExportVerification,
): Promise<Result<readonly VerifiedLog[], readonly ExportFault[]>> {
  const faults: ExportFault[] = [];
  const verified: VerifiedLog[] = [];
  for (const [log, files] of request.logs) {
    const older = request.olderLogs?.get(log);
    const checked = await verifyLog({ log, files, verifiers: request.verifiers, ...(older && { older }) });
    if (!checked.ok) faults.push(checked.reason);
    else if (topicOfOrigin(checked.value.origin) !== log) faults.push({ code: 'wrong-origin', log });
    else verified.push({ log, ...checked.value });
  }
  for (const log of wantedLogs(request)) if (!request.logs.has(log)) faults.push({ code: 'missing-log', log });
  if (request.logs.size === 0 && faults.length === 0) faults.push({ code: 'no-log', log: '' });
  return faults.length === 0 ? ok(verified) : fail(faults);
}

function wantedLogs(request: ExportVerification): Set<string> {
  const wanted = new Set(request.olderLogs?.keys());
  for (const verifier of request.verifiers) {
    const topic = topicOfOrigin(verifier.name);
    if (topic !== undefined) wanted.add(topic);
  }
  return wanted;
}
