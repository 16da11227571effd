import { join } from 'node:path';
import { repositoryRoot } from '../harness/suite.ts';
import { type ConformanceSuite, findSuite } from './run-conformance.ts';

/** Counts of another release are other counts: take the new ones over together with its number. */
const version = '0.2.0-alpha.12';

/** The suite of the dev dependencies, or one that was installed elsewhere: `E2E_CONFORMANCE_DIRECTORY`. */
export function pinnedSuite(): ConformanceSuite {
  const installed = join(repositoryRoot, 'node_modules', '@modelcontextprotocol', 'conformance');
  const suite = findSuite(process.env['E2E_CONFORMANCE_DIRECTORY'] ?? installed);
  if (suite.version !== version)
    throw new Error(`expected release ${version} of the conformance suite, found ${suite.version}`);
  return suite;
}
