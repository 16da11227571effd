import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/**
 * `npm run proto`: lints the `.proto` files, checks them for breaking changes against the last commit, and generates the TypeScript.
 * With `--check` nothing is changed, and the result must be what is committed.
 */
const root = fileURLToPath(new URL('../../../', import.meta.url));
const proto = `${root}proto`;
const buf = `${root}node_modules/.bin/buf`;
const generated = 'libs/contracts/src/generated';
const run = (command: string, args: readonly string[], cwd: string) =>
  execFileSync(command, args, { cwd, stdio: 'inherit' });

run(buf, ['lint'], proto);
const hasHistory =
  execFileSync('git', ['ls-tree', '-r', '--name-only', 'HEAD', 'proto/buf.yaml'], { cwd: root, encoding: 'utf8' }) !==
  '';
if (hasHistory) run(buf, ['breaking', '--against', `${root}.git#subdir=proto`], proto);
run(buf, ['generate'], proto);
if (process.argv.includes('--check')) {
  const changed = execFileSync('git', ['status', '--porcelain', '--', generated], { cwd: root, encoding: 'utf8' });
  if (changed !== '') {
    process.stderr.write(`The generated code is not what is committed. Run \`npm run proto\` and commit:\n${changed}`);
    process.exitCode = 1;
  }
}
