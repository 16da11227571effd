import { constants, type Http2Stream } from 'node:http2';

/**
 * Resets a stream so that its other end sees a cut, never a clean end. `close` alone ends the writable side first, which sends END_STREAM ahead of
 * RST_STREAM: a truncated body would pass for a whole one.
 */
export function resetStream(stream: Http2Stream, code: number): void {
  if (stream.closed || stream.destroyed) return;
  if (!stream.writableEnded) stream._final = (done) => done();
  stream.close(code);
}

/**
 * Makes sure that destroying a stream tells the other end. Node's own `destroy` of an open stream now and then sends nothing at all: the far side would
 * wait for ever on a byte stream whose TLS was refused here.
 */
export function resetWhenDestroyed(stream: Http2Stream): void {
  const destroy = stream._destroy.bind(stream);
  stream._destroy = (error, done) => {
    const code = stream.writableFinished ? constants.NGHTTP2_NO_ERROR : constants.NGHTTP2_CANCEL;
    if (!stream.closed) stream.close(code);
    destroy(error, done);
  };
}
