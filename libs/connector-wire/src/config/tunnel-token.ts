import { type Result, fail, ok } from '@sallyport/result';

/** What lets a connector register (spec §7). `tunnelSecret` is a secret: it reaches no log. */
export interface TunnelToken {
  /** 1 to 255 characters. */
  readonly accountTag: string;
  /** 36 characters, lower case. */
  readonly tunnelUuid: string;
  /** 32 to 256 bytes. */
  readonly tunnelSecret: Buffer;
}

/** No refusal carries any part of the token. */
export type TunnelTokenRefusal =
  | 'token-not-base64'
  | 'token-not-json'
  | 'token-lacks-account-tag'
  | 'token-lacks-tunnel-uuid'
  | 'token-lacks-secret';

const tokenCharactersMax = 4096;

/** Standard base64 with padding of `{"a":account tag,"s":base64 secret,"t":uuid}`. */
export function encodeTunnelToken(token: TunnelToken): string {
  const json = { a: token.accountTag, s: token.tunnelSecret.toString('base64'), t: token.tunnelUuid };
  return Buffer.from(JSON.stringify(json)).toString('base64');
}

export function decodeTunnelToken(text: string): Result<TunnelToken, TunnelTokenRefusal> {
  const trimmed = text.trim();
  if (trimmed.length > tokenCharactersMax || !/^[A-Za-z0-9+/]+={0,2}$/.test(trimmed)) return fail('token-not-base64');
  const json = parseObject(Buffer.from(trimmed, 'base64').toString('utf8'));
  return json === undefined ? fail('token-not-json') : tokenFromParts(json['a'], json['t'], json['s']);
}

/** The credentials file `<uuid>.json`; an `Endpoint` that is not empty would select Cloudflare regions and is ignored. */
export function decodeCredentialsFile(text: string): Result<TunnelToken, TunnelTokenRefusal> {
  if (text.length > tokenCharactersMax) return fail('token-not-json');
  const json = parseObject(text);
  if (json === undefined) return fail('token-not-json');
  return tokenFromParts(json['AccountTag'], json['TunnelID'], json['TunnelSecret']);
}

export function encodeCredentialsFile(token: TunnelToken): string {
  return JSON.stringify({
    AccountTag: token.accountTag,
    TunnelSecret: token.tunnelSecret.toString('base64'),
    TunnelID: token.tunnelUuid,
    Endpoint: '',
  });
}

/** The 16 raw bytes of a UUID in text form, or undefined. */
export function uuidBytes(uuid: string): Buffer | undefined {
  if (!/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(uuid)) return undefined;
  return Buffer.from(uuid.replaceAll('-', ''), 'hex');
}

/** The text form of 16 raw bytes, in lower case. Undefined for another length. */
export function uuidText(bytes: Uint8Array): string | undefined {
  if (bytes.length !== 16) return undefined;
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

function tokenFromParts(accountTag: unknown, uuid: unknown, secret: unknown): Result<TunnelToken, TunnelTokenRefusal> {
  if (typeof accountTag !== 'string' || accountTag === '' || accountTag.length > 255) {
    return fail('token-lacks-account-tag');
  }
  if (typeof uuid !== 'string' || uuidBytes(uuid) === undefined) return fail('token-lacks-tunnel-uuid');
  const tunnelSecret = typeof secret === 'string' ? Buffer.from(secret, 'base64') : Buffer.alloc(0);
  if (tunnelSecret.length < 32 || tunnelSecret.length > 256) return fail('token-lacks-secret');
  return ok({ accountTag, tunnelUuid: uuid.toLowerCase(), tunnelSecret });
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === 'object' && json !== null && !Array.isArray(json)
      ? (json as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
