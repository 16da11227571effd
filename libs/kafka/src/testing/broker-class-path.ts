import { execFile } from 'node:child_process';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** Holds the pom that names the broker's version. */
export const deployDirectory = fileURLToPath(new URL('../../../../deploy/kafka/', import.meta.url));

const mavenMsMax = 300_000;

/** The folder with the broker's jars; Maven fetches them the first time. Several processes may ask at once. */
export async function brokerClassPath(): Promise<string> {
  const directory = join(deployDirectory, 'target', 'dependency');
  if (existsSync(directory)) return directory;
  const own = join(deployDirectory, 'target', `dependency-${process.pid}`);
  await promisify(execFile)('mvn', ['-q', '-B', 'dependency:copy-dependencies', `-Dkafka.lib=${own}`], {
    cwd: deployDirectory,
    timeout: mavenMsMax,
  });
  try {
    renameSync(own, directory);
  } catch (error) {
    if (!existsSync(directory)) throw error;
    rmSync(own, { recursive: true, force: true });
  }
  return directory;
}
