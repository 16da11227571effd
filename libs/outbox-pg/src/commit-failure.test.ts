import { expect, it } from 'vitest';
import { commitFailureOf } from './commit-failure.ts';

const failed = (code: string, severity = 'ERROR') => Object.assign(new Error('x'), { code, severity });

it.each([
  [failed('SP001'), 'fenced'],
  [failed('SP002'), 'call_not_open'],
  [failed('40P01'), 'try_again'],
  [failed('53100'), 'unavailable'],
  [failed('57014'), 'unavailable'],
  [failed('55P03'), 'unavailable'],
  [failed('23505'), 'bad_write'],
  [failed('22021'), 'bad_write'],
  [failed('42P01'), 'bad_write'],
  [failed('57P01', 'FATAL'), 'unknown'],
  [failed('XX000', 'PANIC'), 'unknown'],
  [Object.assign(new Error('x'), { code: 'ECONNRESET' }), 'unknown'],
  [Object.assign(new Error('x'), { code: 'EPIPE' }), 'unknown'],
  [new Error('Connection terminated unexpectedly'), 'unknown'],
  ['a string', 'unknown'],
])('%s means %s', (error, meaning) => {
  expect(commitFailureOf(error)).toBe(meaning);
});
