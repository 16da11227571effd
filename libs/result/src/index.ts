export { type Failure, type Result, type Success, fail, ok } from './result.ts';
