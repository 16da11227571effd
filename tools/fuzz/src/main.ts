import { runFuzzCommand } from './fuzz-command.ts';

/** `npm run fuzz`: coverage-guided fuzzing of everything that reads bytes of others. */
process.exitCode = await runFuzzCommand(process.argv.slice(2), (text) => void process.stdout.write(text));
