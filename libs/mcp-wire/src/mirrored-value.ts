const sentinelStart = '=?base64?';
const sentinelEnd = '?=';
const canonicalBase64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const visibleAscii = /^[\t\x20-\x7e]*$/;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The text behind an `Mcp-Name` or `Mcp-Param-*` header value (MCP 2026-07-28, Streamable HTTP, "Value Encoding"):
 * the value itself, or what its `=?base64?…?=` holds. Undefined for other characters than visible ASCII, for base64
 * that is not canonical and for text that is not UTF-8. The markers are case-sensitive.
 */
export function decodeMirroredValue(value: string): string | undefined {
  if (!visibleAscii.test(value)) return undefined;
  const text = trimOws(value);
  if (!isWrapped(text)) return text;
  const payload = text.slice(sentinelStart.length, -sentinelEnd.length);
  if (!canonicalBase64.test(payload)) return undefined;
  try {
    return utf8.decode(Buffer.from(payload, 'base64'));
  } catch {
    return undefined;
  }
}

function isWrapped(text: string): boolean {
  return (
    text.length >= sentinelStart.length + sentinelEnd.length &&
    text.startsWith(sentinelStart) &&
    text.endsWith(sentinelEnd)
  );
}

/** RFC 9110 §5.5: optional white space around a field value is not part of it. */
export function trimOws(value: string): string {
  let start = 0;
  let end = value.length;
  while (start < end && isOws(value.charCodeAt(start))) start++;
  while (end > start && isOws(value.charCodeAt(end - 1))) end--;
  return value.slice(start, end);
}

function isOws(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
