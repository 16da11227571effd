import { bindProblem } from '@sallyport/loopback-ports';
import { fail, ok, type Result } from '@sallyport/result';

/** Refuses with one line that says what to do where one of the suite's two known ports is taken or not ours to take. */
export async function checkPorts(routerPort: number): Promise<Result<void, string>> {
  for (const port of [routerPort, routerPort + 1]) {
    const code = await bindProblem(port);
    if (code === 'EADDRINUSE')
      return fail(
        `port ${port} is in use: stop what listens there, or choose others with --port N (router N, control N+1)`,
      );
    if (code !== undefined)
      return fail(`cannot listen on port ${port} (${code}): choose others with --port N (router N, control N+1)`);
  }
  return ok(undefined);
}
