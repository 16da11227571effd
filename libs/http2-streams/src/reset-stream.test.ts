import { connect, constants, createServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { resetStream, resetWhenDestroyed } from './reset-stream.ts';

/** Opens a stream, lets the client do something to it, and tells how the server saw the request's body end. */
async function bodyEndsWith(
  act: (stream: ReturnType<ReturnType<typeof connect>['request']>) => void,
): Promise<{ ended: boolean; code: number | undefined }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const seen = new Promise<{ ended: boolean; code: number | undefined }>((resolve) => {
    server.on('stream', (stream: ServerHttp2Stream) => {
      let ended = false;
      stream.on('end', () => (ended = true));
      stream.on('error', () => undefined);
      stream.once('close', () => resolve({ ended: ended && !stream.aborted, code: stream.rstCode }));
      stream.once('data', () => act(request));
      stream.resume();
    });
  });
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const request = client.request({ ':method': 'POST' }, { endStream: false });
  request.on('error', () => undefined);
  request.write('half of it');
  const result = await seen;
  client.destroy();
  server.close();
  return result;
}

describe('cutting a stream', () => {
  it('is seen as a cut, never as the end of the body', async () => {
    expect(await bodyEndsWith((stream) => resetStream(stream, constants.NGHTTP2_CANCEL))).toEqual({
      ended: false,
      code: constants.NGHTTP2_CANCEL,
    });
  });

  it('does nothing to a stream that has ended', async () => {
    expect(
      await bodyEndsWith((stream) => {
        resetStream(stream, constants.NGHTTP2_CANCEL);
        resetStream(stream, constants.NGHTTP2_INTERNAL_ERROR);
      }),
    ).toEqual({ ended: false, code: constants.NGHTTP2_CANCEL });
  });

  it('is told to the far end when a stream is destroyed', async () => {
    const { code } = await bodyEndsWith((stream) => {
      resetWhenDestroyed(stream);
      stream.destroy();
    });
    expect(code).toBe(constants.NGHTTP2_CANCEL);
  });
});
