import { dataDirectoryDefault } from './suite/data-directory.ts';
import { parseUpOptions, upHelp } from './commands/up-options.ts';
import type { Output } from './output/reporter.ts';

const help = `Usage: sallyport COMMAND [OPTIONS]

  up        boot the whole suite on this machine (npm start)
  audit     read, export, verify and rebuild the audit ledger
  tunnels   list, create, archive; tokens and CA certificates
  keys      API keys of a workspace
  policy    read and replace a workspace's policy
  router-ca print the CA that connectors of this machine's suite trust routers by

\`sallyport COMMAND --help\` tells more.
`;

const usageExitCode = 64;
const output: Output = {
  line: (text) => void process.stdout.write(`${text}\n`),
  problem: (text) => void process.stderr.write(`${text}\n`),
};

/** Runs one command. Resolves with the exit code: 0, 1 for a failure, 64 (EX_USAGE) where the command line is wrong. */
export async function runCommandLine(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const [command, ...rest] = args;
  outliveReader(command);
  const dataDefault = dataDirectoryDefault(env, process.getuid?.() ?? -1);
  if (command === undefined || command === '--help' || command === '-h' || command === 'help') {
    output.line(help);
    return command === undefined ? usageExitCode : 0;
  }
  if (command === 'up') {
    const options = parseUpOptions(rest, dataDefault);
    if (!options.ok) return wrong(options.reason);
    if (!options.value.help) return (await import('./commands/up.ts')).up(options.value, env, output);
    output.line(upHelp);
    return 0;
  }
  // Each command loads what it needs: a client of the ledger has no use for a database.
  if (command === 'audit')
    return (await import('./commands/audit.ts')).audit(
      rest,
      { data: dataDefault, apiKey: env['SALLYPORT_API_KEY'] },
      output,
    );
  if (command === 'tunnels' || command === 'keys' || command === 'policy' || command === 'router-ca') {
    const { manage } = await import('./commands/manage.ts');
    return manage(args, { data: dataDefault, apiKey: env['SALLYPORT_API_KEY'] }, output);
  }
  return wrong(`there is no command ${command}: see sallyport --help`);
}

function wrong(reason: string): number {
  output.problem(`sallyport: ${reason}`);
  return usageExitCode;
}

/** Whoever reads our output may leave early (`| head`): a command then ends as if it were done, and a running suite goes on without a listener. */
function outliveReader(command: string | undefined): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    if (command !== 'up') process.exit(0);
  });
}
