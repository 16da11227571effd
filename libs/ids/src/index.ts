export { type IdPrefix, type PrefixedId, isPrefixedId, prefixedIdFromBytes } from './prefixed-id.ts';
export { uuidV7FromParts } from './uuid-v7.ts';
