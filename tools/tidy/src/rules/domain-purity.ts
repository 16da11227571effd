import type { Node } from 'oxc-parser';

import { sourcesOf, walk } from '../source.ts';
import { at, type Rule } from '../violation.ts';

const world: ReadonlySet<string> = new Set([
  'process',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'clearTimeout',
  'clearInterval',
  'queueMicrotask',
  'fetch',
  'crypto',
  'console',
  'performance',
  'globalThis',
]);

/** A domain decides on what it is given: no clock, chance, I/O, exception or waiting. */
export const domainPurity: Rule = {
  name: 'domain-purity',
  check: (files) =>
    sourcesOf(files)
      .filter(({ file }) => /^apps\/[^/]+\/src\/domain\//.test(file.path) && !file.path.endsWith('.test.ts'))
      .flatMap(({ file, program }) => {
        const found: ReturnType<typeof at>[] = [];
        walk(program, (node, parent, key) => {
          const what = impurity(node, parent, key);
          if (what !== undefined) found.push(at(file, node.start, what));
        });
        return found;
      }),
};

function impurity(node: Node, parent: Node | undefined, key: string): string | undefined {
  switch (node.type) {
    case 'ThrowStatement':
      return 'return a refusal instead of throwing';
    case 'AwaitExpression':
      return 'do not wait in the domain: take the value as an argument';
    case 'NewExpression':
      return isNamed(node.callee, 'Date') && node.arguments.length === 0 ? 'take the time as an argument' : undefined;
    case 'MemberExpression':
      if (isNamed(node.object, 'Date') && isNamed(node.property, 'now')) return 'take the time as an argument';
      if (isNamed(node.object, 'Math') && isNamed(node.property, 'random')) return 'take the choice as an argument';
      return undefined;
    case 'Identifier':
      return world.has(node.name) && isReference(parent, key) ? `do not reach for ${node.name}: add a port` : undefined;
    default:
      return undefined;
  }
}

/** A name that stands for a value, not the name of a member or the declaration of one. */
function isReference(parent: Node | undefined, key: string): boolean {
  if (parent === undefined) return false;
  if (parent.type === 'MemberExpression') return key === 'object' || parent.computed;
  if (parent.type === 'Property') return key === 'value';
  return key !== 'key' && !parent.type.startsWith('TS');
}

function isNamed(node: Node, name: string): boolean {
  return node.type === 'Identifier' && node.name === name;
}
