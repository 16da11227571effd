export { resetStream, resetWhenDestroyed } from './reset-stream.ts';
