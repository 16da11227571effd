import type { IncomingMessage } from 'node:http';
import { fail, ok, type Result } from '@sallyport/result';
import type { MemoryShare } from './memory-budget.ts';

export type BodyProblem = 'body_too_large' | 'too_many_requests' | 'aborted';

/** Reads a body whole, within both bounds; `share` holds its bytes afterwards. The server's request timeout bounds the time. */
export function readBody(
  request: IncomingMessage,
  bytesMax: number,
  share: MemoryShare,
): Promise<Result<Buffer, BodyProblem>> {
  if (Number(request.headers['content-length'] ?? 0) > bytesMax) return Promise.resolve(fail('body_too_large'));
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const refuse = (problem: BodyProblem) => {
      request.removeAllListeners('data');
      chunks.length = 0;
      resolve(fail(problem));
    };
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > bytesMax) return refuse('body_too_large');
      if (!share.resize(bytes)) return refuse('too_many_requests');
      chunks.push(chunk);
    });
    request.once('end', () =>
      resolve(ok(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, bytes))),
    );
    request.once('error', () => refuse('aborted'));
    request.once('close', () => refuse('aborted'));
  });
}
