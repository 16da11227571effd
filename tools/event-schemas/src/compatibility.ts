/** The part of JSON Schema that our schemas use. */
export interface Schema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
}

/**
 * What would break a consumer that was written against the old schema: a field that is gone, may now be missing, or has another type.
 * New optional or required fields, and new values of an enumeration, do not: consumers are told to expect both.
 */
export function breakingChanges(before: Schema, after: Schema, path = '$'): readonly string[] {
  const problems: string[] = [];
  if (JSON.stringify(before.type) !== JSON.stringify(after.type))
    problems.push(`${path}: the type was ${JSON.stringify(before.type)}, now it is ${JSON.stringify(after.type)}`);
  if (before.const !== undefined && before.const !== after.const)
    problems.push(`${path}: the value was ${JSON.stringify(before.const)}, now it is ${JSON.stringify(after.const)}`);
  const gone = (before.enum ?? []).filter((value) => after.enum !== undefined && !after.enum.includes(value));
  if (gone.length > 0) problems.push(`${path}: the values ${JSON.stringify(gone)} are gone`);
  for (const name of before.required ?? []) {
    if (after.required?.includes(name) !== true)
      problems.push(`${path}.${name}: it was always there, now it may be missing`);
  }
  for (const [name, schema] of Object.entries(before.properties ?? {})) {
    const now = after.properties?.[name];
    if (now === undefined) problems.push(`${path}.${name}: it is gone`);
    else problems.push(...breakingChanges(schema, now, `${path}.${name}`));
  }
  if (before.items !== undefined && after.items !== undefined)
    problems.push(...breakingChanges(before.items, after.items, `${path}[]`));
  return problems;
}
