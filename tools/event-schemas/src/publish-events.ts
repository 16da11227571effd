import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { breakingChanges, type Schema } from './compatibility.ts';
import { eventFiles } from './event-files.ts';

/** Writes the files, or compares them with what is there; either way says what is wrong, one line each. */
export function publishEvents(root: string, isCheck: boolean): readonly string[] {
  const problems: string[] = [];
  for (const [name, text] of eventFiles()) {
    const path = `docs/events/${name}`;
    const committed = name.endsWith('.schema.json') ? lastCommitted(root, path) : undefined;
    if (committed !== undefined) {
      const changes = breakingChanges(JSON.parse(committed) as Schema, JSON.parse(text) as Schema);
      problems.push(...changes.map((change) => `${path} ${change}: publish a v2 instead`));
    }
    if (!isCheck) writeFileSync(`${root}${path}`, text);
    else if (present(`${root}${path}`) !== text)
      problems.push(`${path} is not what the code says: run \`npm run events\` and commit`);
  }
  return problems;
}

function present(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function lastCommitted(root: string, path: string): string | undefined {
  try {
    return execFileSync('git', ['show', `HEAD:${path}`], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch {
    return undefined;
  }
}
