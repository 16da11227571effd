import { auditLogs, rebuildLedger } from '../control/audit-requests.ts';
import { type AccessDefaults, controlAccess } from '../control/control-access.ts';
import { ControlClient } from '../control/control-client.ts';
import { exportTiles } from '../control/export-tiles.ts';
import type { Output } from '../output/reporter.ts';
import { type AuditCommand, auditHelp, parseAuditCommand } from './audit-options.ts';
import { listEvents, proveCall, showCall, tailEvents } from './audit-reads.ts';
import { verifyExportCommand } from './audit-verify.ts';

const usageExitCode = 64;

/** `sallyport audit …`. Resolves with the exit code. */
export async function audit(args: readonly string[], defaults: AccessDefaults, output: Output): Promise<number> {
  const parsed = parseAuditCommand(args);
  if (!parsed.ok) {
    output.problem(`sallyport: ${parsed.reason}`);
    return usageExitCode;
  }
  const command = parsed.value;
  if (command.command === 'help') {
    output.line(auditHelp);
    return 0;
  }
  if (command.command === 'verify') return verifyExportCommand(command, output);
  const access = controlAccess(command.access, defaults);
  if (!access.ok) {
    output.problem(`sallyport: ${access.reason}`);
    return 1;
  }
  const client = new ControlClient(access.value);
  try {
    return await runOnline(command, client, output);
  } finally {
    await client.close();
  }
}

function runOnline(
  command: Exclude<AuditCommand, { command: 'help' | 'verify' }>,
  client: ControlClient,
  output: Output,
): Promise<number> {
  switch (command.command) {
    case 'tail':
      return tailEvents(command, client, output);
    case 'events':
      return listEvents(command, client, output);
    case 'show':
      return showCall(command, client, output);
    case 'prove':
      return proveCall(command, client, output);
    case 'export':
      return exportCommand(command, client, output);
    case 'rebuild':
      return rebuildCommand(command, client, output);
  }
}

async function exportCommand(
  { tiles, json }: { readonly tiles: string; readonly json: boolean },
  client: ControlClient,
  output: Output,
): Promise<number> {
  const exported = await exportTiles(client, tiles);
  if (!exported.ok) {
    output.problem(`sallyport: ${exported.reason}`);
    return 1;
  }
  const { logs, files, bytes } = exported.value;
  const listed = logs.length === 0 ? 'no log has a checkpoint yet' : logs.join(', ');
  output.line(
    json
      ? JSON.stringify({ event: 'exported', directory: tiles, logs, files, bytes })
      : `${listed}: ${files} files, ${bytes} bytes in ${tiles}`,
  );
  const known = await auditLogs(client);
  if (known.ok && !json) {
    output.line('verify it with these keys, which should come from somewhere you trust:');
    for (const { vkey } of known.value) output.line(`  ${vkey}`);
  }
  return 0;
}

async function rebuildCommand(
  { json }: { readonly json: boolean },
  client: ControlClient,
  output: Output,
): Promise<number> {
  const rebuilt = await rebuildLedger(client, (step) => {
    if (json) output.line(JSON.stringify({ event: 'rebuild', ...step }));
    else if (!step.swapped) output.line(`${step.origin}: ${step.leaves_done} of ${step.leaves_total} leaves`);
  });
  if (!rebuilt.ok) {
    output.problem(`sallyport: the ledger was not rebuilt, the old one stands: ${rebuilt.reason}`);
    return 1;
  }
  if (!json) {
    for (const step of rebuilt.value)
      output.line(
        `${step.origin}: rebuilt, ${step.leaves_done} leaves, ${step.checkpoints_compared} signed roots compared, root ${step.root}`,
      );
  }
  return 0;
}
