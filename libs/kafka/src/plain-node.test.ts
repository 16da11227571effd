import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

it('loads in plain Node, which finds fewer named exports in kafkajs than a bundler does', () => {
  const index = fileURLToPath(new URL('index.ts', import.meta.url));
  const script = `import(${JSON.stringify(index)}).then((lib) => console.log(typeof lib.openKafka))`;
  expect(execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' }).trim()).toBe('function');
});
