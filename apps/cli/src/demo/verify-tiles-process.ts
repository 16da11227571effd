import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { fail, ok, type Result } from '@sallyport/result';

const script = fileURLToPath(new URL('../../../../tools/verify-tiles/verify-tiles.mjs', import.meta.url));
const timeoutMs = 60_000;

/** Verifies an export with the stand-alone script, in a process of its own: it imports no code of the product. Answers with its lines. */
export async function verifyTilesApart(
  directory: string,
  vkeysFile: string,
): Promise<Result<readonly string[], string>> {
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [script, directory, '--vkeys', vkeysFile], {
      timeout: timeoutMs,
      env: {},
    });
    return ok(stdout.trim().split('\n'));
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
    return fail(`the exported tiles do not verify: ${said === '' ? String(error) : said}`);
  }
}
