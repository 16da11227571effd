import { readFile } from 'node:fs/promises';
import { type LoadHook, stripTypeScriptTypes } from 'node:module';

/**
 * A loader. Node calls a TypeScript file `module-typescript` and strips it after all loaders; the instrumentation wants a `module`. Registered
 * before it, this one hands it the stripped text, in which every token keeps its line and column.
 */
export const load: LoadHook = async (url, context, nextLoad) => {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return nextLoad(url, context);
  const source = stripTypeScriptTypes(await readFile(new URL(url), 'utf8'));
  return { format: 'module', source, shortCircuit: true };
};
