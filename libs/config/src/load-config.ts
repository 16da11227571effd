import type { z } from 'zod';

type Sections = Readonly<Record<string, z.ZodType>>;
type Configuration<Parts extends Sections> = { readonly [Name in keyof Parts]: z.output<Parts[Name]> };

/** `EX_CONFIG` of sysexits(3). */
const exitCode = 78;

export class ConfigurationProblems extends Error {
  override readonly name = 'ConfigurationProblems';
  /** One line each: the variable, and what is wrong with it. Values are not repeated, they may be secrets. */
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(
      `the configuration has ${problems.length} problem(s):\n${problems.map((problem) => `  ${problem}`).join('\n')}`,
    );
    this.problems = problems;
  }
}

/** Parses every section from the same environment. Throws ConfigurationProblems with all problems at once. An empty variable counts as missing. */
export function parseConfig<Parts extends Sections>(
  sections: Parts,
  env: Readonly<Record<string, string | undefined>>,
): Configuration<Parts> {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const problems: string[] = [];
  const parsed: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(sections)) {
    const result = schema.safeParse(given);
    if (result.success) parsed[name] = result.data;
    else problems.push(...result.error.issues.map((issue) => `${issue.path.join('.') || name}: ${issue.message}`));
  }
  if (problems.length > 0) throw new ConfigurationProblems(problems);
  return parsed as Configuration<Parts>;
}

/** As `parseConfig`, for `main.ts`: prints the problems and ends the process with code 78. */
export function loadConfig<Parts extends Sections>(
  sections: Parts,
  env: Readonly<Record<string, string | undefined>>,
): Configuration<Parts> {
  try {
    return parseConfig(sections, env);
  } catch (error) {
    if (!(error instanceof ConfigurationProblems)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(exitCode);
  }
}
