/** A name without spaces and plus signs: C2SP signed-note. */
export function isNoteName(name: string): boolean {
  return name !== '' && name.isWellFormed() && !/[\s\u0085+]/.test(name);
}

/** Standard base64 with padding, and only the one spelling that encoding gives: spare bits are zero. */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}
