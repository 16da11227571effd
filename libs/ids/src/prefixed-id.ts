/** What an id names. The prefixes are those of the public API (Managed Agents), plus our own for objects it lacks. */
export type IdPrefix =
  | 'wrkspc'
  | 'apikey'
  | 'tnl'
  | 'tcrt'
  | 'pol'
  | 'call'
  | 'req'
  | 'rule'
  | 'env'
  | 'envkey'
  | 'sesn'
  | 'sevt'
  | 'work';

/** `<prefix>_` and 26 characters of Crockford base 32 in lower case: 128 bits. */
export type PrefixedId<Prefix extends IdPrefix> = `${Prefix}_${string}`;

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
const idBytes = 16;
const bodyLength = 26;

/** Makes an id from 16 bytes, which the caller takes from a random source. Throws RangeError for another length. */
export function prefixedIdFromBytes<Prefix extends IdPrefix>(prefix: Prefix, bytes: Uint8Array): PrefixedId<Prefix> {
  if (bytes.length !== idBytes) throw new RangeError(`an id takes ${idBytes} bytes, not ${bytes.length}`);
  let body = '';
  let window = 0;
  let bits = 0;
  for (const byte of bytes) {
    window = (window << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      body += alphabet.charAt((window >> bits) & 31);
    }
    window &= 31;
  }
  body += alphabet.charAt((window << (5 - bits)) & 31);
  return `${prefix}_${body}`;
}

const shape = new RegExp(`^[a-z]+_[${alphabet}]{${bodyLength}}$`);

export function isPrefixedId<Prefix extends IdPrefix>(prefix: Prefix, text: string): text is PrefixedId<Prefix> {
  return text.startsWith(`${prefix}_`) && shape.test(text);
}
