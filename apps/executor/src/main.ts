import { NamespaceDriver } from '@sallyport/sandbox-namespace';

import { SandboxToolRunner } from './adapters/tools/sandbox-tool-runner.ts';
import { runExecutor } from './run-executor.ts';

const started = { argv: process.argv.slice(2), env: process.env };
await runExecutor(started, new SandboxToolRunner(), ({ sandboxes }) => new NamespaceDriver(sandboxes));
