import { once } from 'node:events';
import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { pump } from './relay-plain.ts';

it('hands on every chunk, one after the other', async () => {
  const taken: string[] = [];
  await pump(Readable.from([Buffer.from('a'), Buffer.from('b')]), async (chunk) => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    taken.push(chunk.toString());
  });
  expect(taken).toEqual(['a', 'b']);
});

it('ends where an empty body had ended before anyone listened', async () => {
  const body = Readable.from([]);
  body.resume();
  await once(body, 'end');
  await pump(body, () => undefined);
  expect(body.readableEnded).toBe(true);
});

it('ends where a body was broken off before anyone listened', async () => {
  const body = new Readable({ read: () => undefined });
  body.destroy();
  await once(body, 'close');
  await pump(body, () => undefined);
  expect(body.readableEnded).toBe(false);
});
