const textOid = 25;
const headerBytes = 20;

/**
 * A `text[]` parameter in PostgreSQL's binary format (`array_recv`): dimensions, null flag, element type, length, lower bound, then each element
 * with its length. The driver sends a Buffer as binary; as text it would escape every quote of the JSON, and the server would undo it.
 */
export function binaryTextArray(values: readonly string[]): Buffer {
  if (values.length === 0) {
    const empty = Buffer.alloc(12);
    empty.writeInt32BE(textOid, 8);
    return empty;
  }
  let size = headerBytes;
  for (const value of values) size += 4 + Buffer.byteLength(value);
  const array = Buffer.allocUnsafe(size);
  array.writeInt32BE(1, 0);
  array.writeInt32BE(0, 4);
  array.writeInt32BE(textOid, 8);
  array.writeInt32BE(values.length, 12);
  array.writeInt32BE(1, 16);
  let at = headerBytes;
  for (const value of values) {
    const bytes = array.write(value, at + 4);
    array.writeInt32BE(bytes, at);
    at += 4 + bytes;
  }
  return array;
}
