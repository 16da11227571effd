import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const rootDir = fileURLToPath(new URL('../../../', import.meta.url));

/** Outside of what git tracks. */
export const corpusDirDefault = join(rootDir, 'node_modules/.cache/sallyport-fuzz');

export function seedsDirOf(target: string): string {
  return fileURLToPath(new URL(`../seeds/${target}`, import.meta.url));
}
