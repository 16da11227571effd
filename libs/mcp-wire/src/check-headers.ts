import { fail, ok, type Result } from '@sallyport/result';

import { type InspectedMessage, methodsThatNeedTarget, targetFields } from './inspect-request-body.ts';
import { decodeMirroredValue, trimOws } from './mirrored-value.ts';
import { type Era, eraOfClaim, eraOfHeader } from './protocol-version.ts';

/** Header values by lower-case name, one entry per field line: the shape of `IncomingMessage.headersDistinct`. */
export type HeaderLines = Readonly<Record<string, readonly string[] | undefined>>;

export type HeaderRefusalCode =
  | 'header_duplicate'
  | 'header_missing'
  | 'header_malformed'
  | 'header_mismatch'
  | 'version_claim_missing'
  | 'modern_response';

/** Answer with HTTP 400. */
export interface HeaderRefusal {
  readonly code: HeaderRefusalCode;
  /** -32020 HeaderMismatch for modern messages, -32602 for a missing claim, -32600 for legacy ones. */
  readonly rpcCode: number;
  /** Names the header, never its value or the body's. */
  readonly sentence: string;
}

export interface MessageEra {
  readonly era: Era;
  /** The version the message speaks: the body's claim if there is one, else the header. Absent: 2025-03-26 is assumed. */
  readonly version?: string;
}

const headerMismatch = -32020;
const invalidParams = -32602;
const invalidRequest = -32600;

const versionHeader = 'mcp-protocol-version';
const methodHeader = 'mcp-method';
const nameHeader = 'mcp-name';
const mirrors = [versionHeader, methodHeader, nameHeader] as const;

const displayNames = {
  [versionHeader]: 'MCP-Protocol-Version',
  [methodHeader]: 'Mcp-Method',
  [nameHeader]: 'Mcp-Name',
} as const;

type Mirror = (typeof mirrors)[number];

const versionText = /^[\w.-]{1,64}$/;

/**
 * Tells the era of a message and checks that the headers which mirror the body agree with it. The body decides; a
 * header can only cause a refusal. `Mcp-Param-*` is not looked at: which argument one mirrors is the tool's schema.
 * Source: MCP 2026-07-28, Streamable HTTP, "Request Metadata" and "Server Validation".
 */
export function checkHeaders(headers: HeaderLines, message: InspectedMessage): Result<MessageEra, HeaderRefusal> {
  const version = single(headers, versionHeader);
  const era = eraOf(message, version);
  const mismatchCode = era === 'modern' ? headerMismatch : invalidRequest;
  const repeated = mirrors.find((name) => (headers[name]?.length ?? 0) > 1);
  if (repeated !== undefined)
    return refuse('header_duplicate', mismatchCode, `${displayNames[repeated]} appears twice`);
  if (version !== undefined && !versionText.test(version)) {
    return refuse('header_malformed', mismatchCode, `${displayNames[versionHeader]} is not a version`);
  }
  const refusal = checkVersion(message, version, era) ?? checkMirrors(headers, message, era);
  if (refusal !== undefined) return fail(refusal);
  const spoken = message.claimedVersion ?? version;
  return ok({ era, ...(spoken === undefined ? {} : { version: spoken }) });
}

function eraOf(message: InspectedMessage, version: string | undefined): Era {
  if (message.claimedVersion !== undefined) return eraOfClaim(message.claimedVersion);
  return version === undefined ? 'legacy' : eraOfHeader(version);
}

function checkVersion(message: InspectedMessage, version: string | undefined, era: Era): HeaderRefusal | undefined {
  const { claimedVersion, kind, method } = message;
  if (claimedVersion !== undefined) {
    if (version !== undefined && version !== claimedVersion) return mismatch(versionHeader, era);
    return version === undefined && era === 'modern' && kind === 'request' ? missing(versionHeader) : undefined;
  }
  if (era === 'legacy' || kind === 'notification') return undefined;
  if (kind === 'response') {
    const sentence = 'From 2026-07-28 on a client sends no responses.';
    return { code: 'modern_response', rpcCode: invalidRequest, sentence };
  }
  if (method === 'initialize') return mismatch(versionHeader, era);
  const sentence = `${displayNames[versionHeader]} names a version whose requests carry it in params._meta too.`;
  return { code: 'version_claim_missing', rpcCode: invalidParams, sentence };
}

function checkMirrors(headers: HeaderLines, message: InspectedMessage, era: Era): HeaderRefusal | undefined {
  const { kind, method, target } = message;
  if (method === undefined) return undefined;
  const required = era === 'modern' && kind === 'request';
  const mirroredMethod = single(headers, methodHeader);
  if (mirroredMethod === undefined) {
    if (required) return missing(methodHeader);
  } else if (mirroredMethod !== method) return mismatch(methodHeader, era);
  const mirroredName = headers[nameHeader]?.[0];
  if (mirroredName === undefined)
    return required && methodsThatNeedTarget.has(method) ? missing(nameHeader) : undefined;
  if (target === undefined) return targetFields.has(method) ? mismatch(nameHeader, era) : undefined;
  const name = decodeMirroredValue(mirroredName);
  if (name === undefined) {
    return { ...mismatch(nameHeader, era), code: 'header_malformed', sentence: 'Mcp-Name has invalid characters.' };
  }
  return name === target.value ? undefined : mismatch(nameHeader, era);
}

function single(headers: HeaderLines, name: Mirror): string | undefined {
  const line = headers[name]?.[0];
  return line === undefined ? undefined : trimOws(line);
}

function missing(name: Mirror): HeaderRefusal {
  return { code: 'header_missing', rpcCode: headerMismatch, sentence: `The header ${displayNames[name]} is missing.` };
}

function mismatch(name: Mirror, era: Era): HeaderRefusal {
  const rpcCode = era === 'modern' ? headerMismatch : invalidRequest;
  return { code: 'header_mismatch', rpcCode, sentence: `The header ${displayNames[name]} does not match the body.` };
}

function refuse(code: HeaderRefusalCode, rpcCode: number, what: string): Result<never, HeaderRefusal> {
  return fail({ code, rpcCode, sentence: `The header ${what}.` });
}
