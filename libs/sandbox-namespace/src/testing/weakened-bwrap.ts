import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A program that starts bubblewrap with one protection less: what the self-test must notice. */
export function weakenedBwrap(edit: { readonly from: string; readonly to: string }): {
  path: string;
  remove: () => void;
} {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-weak-'));
  chmodSync(directory, 0o755);
  const path = join(directory, 'bwrap');
  // Arguments are joined by a byte that none of them holds, edited as one text, and cut again.
  const script = [
    '#!/bin/bash',
    `IFS=$'\\x1f'; all=$'\\x1f'"$*"$'\\x1f'`,
    `from=$'\\x1f'${quoted(edit.from)}$'\\x1f'; to=$'\\x1f'${edit.to === '' ? '' : `${quoted(edit.to)}$'\\x1f'`}`,
    'edited="${all//"$from"/"$to"}"',
    '[ "$all" != "$edited" ] || { echo "nothing to weaken" >&2; exit 99; }',
    `edited="\${edited#$'\\x1f'}"; args=(\${edited%$'\\x1f'})`,
    'exec /usr/bin/bwrap "${args[@]}"',
  ];
  writeFileSync(path, `${script.join('\n')}\n`);
  chmodSync(path, 0o755);
  return { path, remove: () => rmSync(directory, { recursive: true, force: true }) };
}

/** Words in bash, joined by the separator. */
function quoted(words: string): string {
  return words
    .split(' ')
    .map((word) => `'${word}'`)
    .join(`$'\\x1f'`);
}
