/** A text as searches compare it: without regard to case and to the several ways of writing one character. */
export function fold(text: string): string {
  return text.normalize('NFKC').toLowerCase()
}
