import path from 'node:path';

import type { FileSet } from '../file-set.ts';
import type { Finding, Rule } from '../violation.ts';

const linked = /\]\(<?([^)<>\s]+)>?(?:\s+"[^"]*")?\)/g;
const quoted = /`([^`\n]+)`/g;
/** `tools/call` and its like are methods of MCP. */
const repositoryPath = /^(?!tools\/(?:call|list)$)(?:apps|libs|proto|deploy|e2e|docs|tools|\.ci)\/[\w./@-]*$/;

/** Paths that Markdown links or quotes are there. Fenced code is not read: it shows sessions, not places. */
export const markdownPaths: Rule = {
  name: 'markdown-paths',
  check: (files) => {
    const ignored = ignoredFolders(files);
    const exists = (name: string): boolean =>
      files.has(name) || ignored.some((folder) => name === folder || name.startsWith(`${folder}/`));
    return files.files
      .filter((file) => file.path.endsWith('.md'))
      .flatMap((file) => {
        const found: Finding[] = [];
        const refuse = (line: number, name: string): void => {
          found.push({ path: file.path, line, what: `${name} is not there: correct the path or the text` });
        };
        for (const [line, text] of proseLines(file.text())) {
          for (const target of linkTargets(file.path, text)) if (!exists(target)) refuse(line, target);
          for (const [, name = ''] of text.matchAll(quoted)) {
            if (repositoryPath.test(name) && !exists(cleaned(name))) refuse(line, name);
          }
        }
        return found;
      });
  },
};

function linkTargets(from: string, text: string): string[] {
  return [...text.replaceAll(quoted, '').matchAll(linked)].flatMap(([, link = '']) => {
    if (/^[a-z][a-z+.-]*:|^#|^\/\//i.test(link)) return [];
    const target = decodeURI(link.split(/[?#]/)[0] ?? '');
    return [cleaned(path.posix.join(path.posix.dirname(from), target))];
  });
}

function cleaned(name: string): string {
  return name.replace(/\/+$/, '');
}

function* proseLines(text: string): Generator<[line: number, text: string]> {
  let fence: string | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    const mark = /^\s*(```+|~~~+)/.exec(line)?.[1];
    if (mark !== undefined) fence = fence === undefined ? mark : line.trim().startsWith(fence) ? undefined : fence;
    else if (fence === undefined) yield [index + 1, line];
  }
}

/** What git does not track on purpose may be named: it appears when something runs. */
function ignoredFolders(files: FileSet): string[] {
  const lines = files.get('.gitignore')?.text().split('\n') ?? [];
  return lines.filter((line) => /^[\w.-]+\/[\w./-]+\/$/.test(line)).map(cleaned);
}
