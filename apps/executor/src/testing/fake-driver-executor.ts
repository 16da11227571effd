import { runExecutor } from '../run-executor.ts';
import { FakeDriver } from './fake-driver.ts';
import { FakeTools } from './fake-tools.ts';

// The executor's process with sandboxes that hold nothing: for tests of everything around them. `FAKE_UNPROVED`: a check that its self-test does not prove.
const unproved = [process.env['FAKE_UNPROVED'] ?? ''].filter((check) => check !== '');
const started = { argv: process.argv.slice(2), env: process.env };
await runExecutor(started, new FakeTools(), () => new FakeDriver({ unproved }));
