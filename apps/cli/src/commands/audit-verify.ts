import { readFileSync } from 'node:fs';

import { type Result, fail, ok } from '@sallyport/result';
import { describeFault, type LogFiles, type NoteVerifier, parseVkeys, verifyExport } from '@sallyport/transparency-log';

import type { Output } from '../output/reporter.ts';
import { exportedLogs } from './exported-log-files.ts';

export interface VerifyRequest {
  readonly directory: string;
  readonly vkeysFile: string;
  /** An earlier export that must be a prefix. */
  readonly older: string | undefined;
  readonly json: boolean;
}

/** Checks an export without any network. Exit code 0 where every log is whole, signed and, if asked, extends the older export. */
export async function verifyExportCommand(request: VerifyRequest, output: Output): Promise<number> {
  const opened = open(request);
  if (!opened.ok) return refuse([opened.reason], request.json, output);
  try {
    const verified = await verifyExport(opened.value);
    if (!verified.ok) return refuse(verified.reason.map(describeFault), request.json, output);
    for (const { log, origin, size, root } of verified.value) {
      const rootHex = Buffer.from(root).toString('hex');
      output.line(
        request.json
          ? JSON.stringify({ event: 'verified', log, origin, size, root: rootHex })
          : `${log}: verified, ${size} leaves, root ${rootHex}`,
      );
    }
    return 0;
  } catch (error) {
    return refuse([error instanceof Error ? error.message : String(error)], request.json, output);
  }
}

interface Opened {
  readonly logs: ReadonlyMap<string, LogFiles>;
  readonly verifiers: readonly NoteVerifier[];
  readonly olderLogs?: ReadonlyMap<string, LogFiles>;
}

function open({ directory, vkeysFile, older }: VerifyRequest): Result<Opened, string> {
  let text: string;
  try {
    text = readFileSync(vkeysFile, 'utf8');
  } catch {
    return fail(`${vkeysFile} cannot be read: it must hold one verifier key a line`);
  }
  const verifiers = parseVkeys(text);
  if (!verifiers.ok) {
    const { line, why } = verifiers.reason;
    return fail(
      line === 0 ? `${vkeysFile} holds no verifier key` : `${vkeysFile}, line ${line}: no verifier key (${why})`,
    );
  }
  let folder = directory;
  try {
    const logs = exportedLogs(folder);
    if (older === undefined) return ok({ logs, verifiers: verifiers.value });
    folder = older;
    return ok({ logs, verifiers: verifiers.value, olderLogs: exportedLogs(folder) });
  } catch {
    return fail(`${folder} cannot be read: name the folder of an export`);
  }
}

function refuse(problems: readonly string[], json: boolean, output: Output): number {
  for (const problem of problems)
    output.problem(json ? JSON.stringify({ event: 'fault', message: problem }) : `sallyport: ${problem}`);
  return 1;
}
