import { packageOf, relativeTarget, sourcesOf } from '../source.ts';
import { at, type Rule } from '../violation.ts';

const technology = /^(?:pg|kafkajs|@grpc\/.+|@nestjs\/.+)$/;

/** Use cases, ports and projections do not know how anything is done. */
export const innerImports: Rule = {
  name: 'inner-imports',
  check: (files) =>
    sourcesOf(files).flatMap(({ file, imports }) => {
      const inner = /^(apps\/[^/]+\/src\/)(?:application|ports|projections)\//.exec(file.path);
      if (inner === null) return [];
      const adapters = `${inner[1] ?? ''}adapters/`;
      return imports.flatMap(({ specifier, start }) => {
        if (relativeTarget(file.path, specifier)?.startsWith(adapters) === true) {
          return [at(file, start, 'depend on a port, not on an adapter')];
        }
        const name = packageOf(specifier) ?? '';
        return technology.test(name) ? [at(file, start, `put what needs ${name} into an adapter`)] : [];
      });
    }),
};
