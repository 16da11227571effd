/** Refusals that a control session makes of a message it could read: it was not asked for, or asked twice. */
const ofReadableMessages: ReadonlySet<string> = new Set([
  'too-many-questions',
  'question-reused',
  'unexpected-message',
]);

export function refusesAfterDecoding(refusal: string): boolean {
  return ofReadableMessages.has(refusal);
}
