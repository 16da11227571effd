import type { RestRequest } from '@sallyport/nest-runtime';
import { fail, ok, type Result } from '@sallyport/result';

/** What is wrong with a request, in a sentence for its author. */
export type BadRequest = string;

const pageCharactersMax = 512;

/** PostgreSQL holds neither U+0000 nor half a surrogate pair, in a text or in JSON: such a request is the client's mistake. */
export function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}

/** Whether the texts of the URL can be looked for at all. */
export function isStorableUrl({ params, query }: Pick<RestRequest, 'params' | 'query'>): boolean {
  const texts = [...Object.values(params), ...Object.values(query).flat()];
  return texts.every((text) => text === undefined || isStorable(text));
}

/** The JSON object of a body; an absent body is an empty object. Foreign fields are let through: newer clients may send them. */
export function bodyObject(request: RestRequest): Result<Readonly<Record<string, unknown>>, BadRequest> {
  if (request.body.length === 0) return ok({});
  let value: unknown;
  let storable = true;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(request.body), (name, member: unknown) => {
      storable &&= isStorable(name) && (typeof member !== 'string' || isStorable(member));
      return member;
    });
  } catch {
    return fail('the body is not JSON');
  }
  if (!storable) return fail('the body holds a character that cannot be stored: U+0000, or half a surrogate pair');
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return fail('the body must be a JSON object');
  return ok(value as Record<string, unknown>);
}

export function textField(
  body: Readonly<Record<string, unknown>>,
  name: string,
  bounds: { readonly charactersMin: number; readonly charactersMax: number },
): Result<string, BadRequest> {
  const value = body[name];
  if (typeof value !== 'string' || value.length < bounds.charactersMin || value.length > bounds.charactersMax) {
    return fail(`\`${name}\` must be a text of ${bounds.charactersMin} to ${bounds.charactersMax} characters`);
  }
  return ok(value);
}

export function optionalTextField(
  body: Readonly<Record<string, unknown>>,
  name: string,
  charactersMax: number,
): Result<string | null, BadRequest> {
  return body[name] === undefined || body[name] === null
    ? ok(null)
    : textField(body, name, { charactersMin: 1, charactersMax });
}

export function queryText(request: RestRequest, name: string): string | undefined {
  const value = request.query[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export interface PageFields {
  readonly limit: number;
  readonly page?: string;
  readonly includeArchived: boolean;
}

export function pageFields(
  request: RestRequest,
  limits: { readonly limitDefault: number; readonly limitMax: number },
): Result<PageFields, BadRequest> {
  const text = queryText(request, 'limit');
  const limit = text === undefined ? limits.limitDefault : Number(text);
  if (!Number.isInteger(limit) || limit < 1 || limit > limits.limitMax)
    return fail(`\`limit\` must be a whole number from 1 to ${limits.limitMax}`);
  const page = queryText(request, 'page');
  if (page !== undefined && page.length > pageCharactersMax) return fail('`page` is none of ours');
  const includeArchived = queryText(request, 'include_archived') === 'true';
  return ok(page === undefined ? { limit, includeArchived } : { limit, page, includeArchived });
}
