import type { PasswordHashing } from '../accounts/password-hashing.ts'
import type { Clock, Milliseconds } from '../platform/clock.ts'
import type { Random } from '../platform/random.ts'
import type { Storage } from '../storage/storage.ts'
import { noteOf, setNote } from './answers.ts'
import { countTry, forgetTries, lockedFor } from './wrong-tries.ts'

/** Base 32 by Crockford: no I, L, O and U, which look like others or make words. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const length = 8
const subject = 'claim'
const hashNote = 'note claim'

/** 40 bits in two groups, as they are printed on labels. */
export function makeClaimCode(random: Random): string {
  const code = [...random.bytes(length)].map((byte) => alphabet[byte % alphabet.length]).join('')
  return `${code.slice(0, length / 2)}-${code.slice(length / 2)}`
}

/** The code that was meant, as people type it; undefined: it cannot be one. */
export function readClaimCode(typed: string): string | undefined {
  const plain = typed.toUpperCase().replaceAll(/[\s-]/g, '').replaceAll('O', '0').replaceAll(/[IL]/g, '1')
  return plain.length === length && [...plain].every((letter) => alphabet.includes(letter)) ? plain : undefined
}

export interface ClaimDeps {
  readonly storage: Storage
  readonly clock: Clock
  readonly passwords: PasswordHashing
}

/** Only a hash of the code is kept. A code that there was before is void; wrong tries stay counted. */
export async function setClaimCode(
  { storage, passwords }: Pick<ClaimDeps, 'storage' | 'passwords'>,
  code: string,
): Promise<void> {
  const hash = await passwords.hash(readClaimCode(code) ?? code)
  await storage.write((tx) => setNote(tx, hashNote, hash))
}

/** How long nobody may try a code yet; 0: now. */
export function claimLockedFor({ storage, clock }: Pick<ClaimDeps, 'storage' | 'clock'>): Milliseconds {
  return lockedFor(storage.reader, subject, clock.now())
}

/** Looks at what somebody typed. Each try counts before it is looked at, and five wrong ones lock for ten minutes, whoever made them. */
export async function tryClaimCode(deps: ClaimDeps, typed: string): Promise<'right' | 'wrong' | 'locked'> {
  const { storage, clock, passwords } = deps
  const code = readClaimCode(typed)
  if (code === undefined && claimLockedFor(deps) === 0) return 'wrong'
  if (!(await storage.write((tx) => countTry(tx, subject, clock.now())))) return 'locked'
  if (code === undefined || !(await passwords.verify(code, noteOf(storage.reader, hashNote)))) return 'wrong'
  await storage.write((tx) => forgetTries(tx, subject))
  return 'right'
}
