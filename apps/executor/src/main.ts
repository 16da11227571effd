import { NamespaceDriver } from '@sallyport/sandbox-namespace';

import { SandboxToolRunner } from './adapters/tools/sandbox-tool-runner.ts';
import { runExecutor } from './run-executor.ts';

await runExecutor(process.argv.slice(2), new SandboxToolRunner(), ({ sandboxes }) => new NamespaceDriver(sandboxes));
