const mark = '\n[cut: the answer is longer than the scheduler takes]';

/** The text in at most `bytesMax` bytes of UTF-8, whole characters, with a mark where something is missing. */
export function cutText(text: string, bytesMax: number): string {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length <= bytesMax) return text;
  const marked = bytesMax > mark.length ? mark : '';
  let end = bytesMax - marked.length;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end) + marked;
}
