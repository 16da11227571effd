import type { ScannedMessage } from '@sallyport/mcp-wire';
import type { AnswerSeen } from '../../domain/call-outcome.ts';

/** What a message says of the call that awaits the id; undefined where it does not answer it. */
export function answerOf(message: ScannedMessage, awaitedKey: string): AnswerSeen['message'] {
  const { kind, id, isError, resultType, errorCode } = message;
  if (kind !== 'result' && kind !== 'error') return undefined;
  // An error may come without an id, where the server could not read one.
  if (id === undefined ? kind !== 'error' : id.key !== awaitedKey) return undefined;
  return {
    kind,
    ...(isError === undefined ? {} : { isError }),
    ...(resultType === undefined ? {} : { resultType }),
    ...(errorCode === undefined ? {} : { errorCode }),
  };
}
