import { packageOf, relativeTarget, sourcesOf } from '../source.ts';
import { at, type Rule } from '../violation.ts';

const allowed: ReadonlySet<string> = new Set([
  '@sallyport/result',
  '@sallyport/ids',
  '@sallyport/event-sourcing',
  '@sallyport/policy',
  '@sallyport/toolcall-events',
  // Arithmetic on hashes and nothing else: it is the audit domain's subject.
  '@sallyport/transparency-log',
]);
const alsoInTests: ReadonlySet<string> = new Set(['vitest', 'fast-check']);

/** A domain knows itself and the kernel. */
export const domainImports: Rule = {
  name: 'domain-imports',
  check: (files) =>
    sourcesOf(files).flatMap(({ file, imports }) => {
      const domain = /^apps\/[^/]+\/src\/domain\//.exec(file.path)?.[0];
      if (domain === undefined) return [];
      const isTest = file.path.endsWith('.test.ts');
      return imports.flatMap(({ specifier, start }) => {
        const target = relativeTarget(file.path, specifier);
        const name = packageOf(specifier) ?? specifier;
        const isAllowed =
          target === undefined
            ? allowed.has(specifier) || (isTest && alsoInTests.has(name))
            : target.startsWith(domain);
        return isAllowed ? [] : [at(file, start, `a domain may not import ${specifier}: take a value, or add a port`)];
      });
    }),
};
