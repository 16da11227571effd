import { at, type Rule } from '../violation.ts';

/** Built from parts, so that this file does not name one either. */
const hosts = [
  ['repo1', 'maven', 'org'],
  ['repo', 'maven', 'apache', 'org'],
  ['pypi', 'org'],
  ['files', 'pythonhosted', 'org'],
  ['proxy', 'golang', 'org'],
  ['rubygems', 'org'],
  ['crates', 'io'],
].map((parts) => parts.join(String.raw`\.`));

const host = new RegExp(
  String.raw`\b(?:registry\.[\w-]+\.(?:org|com|net|io|dev|cn|example)|${hosts.join('|')})\b`,
  'g',
);
const binary = /\.(?:png|jpg|gif|ico|woff2?|gz|zip|der|bin)$/;

/** Where packages come from is the machine's configuration: a host in the repository would override a company's mirror. */
export const registryHosts: Rule = {
  name: 'registry-hosts',
  check: (files) =>
    files.files
      .filter(({ path }) => !binary.test(path))
      .flatMap((file) =>
        [...file.text().matchAll(host)].map((match) =>
          at(file, match.index + 1, 'take the package registry out of the text'),
        ),
      ),
};
