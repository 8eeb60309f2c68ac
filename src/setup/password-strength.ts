import { Worker } from 'node:worker_threads'
import type { TextKey } from './texts.ts'

const least = 10
/** As accounts allow. */
export const mostPassword = 512
/** Guesses, as a power of ten, that a password must withstand: a machine of our speed in the same network would need decades. */
const leastGuesses = 10

export interface PasswordVerdict {
  readonly problem: Extract<TextKey, `password.${string}`>
}

/**
 * What is wrong with a password, judged here without asking anybody; undefined: nothing.
 * @param words what others would try first, such as the person's and the practice's name
 */
export async function passwordVerdict(password: string, words: readonly string[]): Promise<PasswordVerdict | undefined> {
  if (password.length < least) return { problem: 'password.short' }
  if (password.length > mostPassword) return { problem: 'password.long' }
  const guesses = await guessesOf(password.slice(0, 100), words)
  return guesses < leastGuesses ? { problem: 'password.weak' } : undefined
}

/** How many guesses a password withstands, as a power of ten. */
function guessesOf(password: string, words: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const split = words.flatMap((word) => [word, ...word.split(/[^\p{L}\p{N}]+/u)]).filter((word) => word.length > 2)
    const worker = new Worker(new URL('./strength-worker.ts', import.meta.url), { workerData: { password, words: split } })
    worker.once('message', (guesses: number) => {
      resolve(guesses)
      void worker.terminate()
    })
    worker.once('error', reject)
    worker.once('exit', () => reject(new Error('the check of a password was cut off')))
  })
}
