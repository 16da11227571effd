/** Why bytes are not an acceptable Cap'n Proto message. Every one is the sender's fault. */
export type CapnpRefusal =
  | 'message-too-large'
  | 'too-many-segments'
  | 'empty-message'
  | 'pointer-out-of-bounds'
  | 'pointer-of-wrong-kind'
  | 'bad-far-pointer'
  | 'bad-list'
  | 'bad-text'
  | 'nested-too-deep'
  | 'traversed-too-much';

/** Most bytes of one message, all segments together; a local configuration is tens of kB. */
export const messageBytesMax = 1024 * 1024;
export const segmentsMax = 64;
export const nestingMax = 16;
