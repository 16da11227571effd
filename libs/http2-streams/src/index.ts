export { EagerWrites } from './eager-writes.ts';
export { resetStream, resetWhenDestroyed } from './reset-stream.ts';
