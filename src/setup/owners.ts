import type { Milliseconds } from '../platform/clock.ts'
import { type Reader, statement, type Writer } from '../storage/handles.ts'
import { endAllOwnerSessions } from './sessions.ts'
import type { Language } from './texts.ts'

/** Who owns the box: exactly one, once it is claimed. */
export interface Owner {
  readonly name: string
  readonly passwordHash: string
  readonly language: Language
}

const first = statement<[], Owner>('SELECT name, password_hash AS passwordHash, language FROM owners LIMIT 1')
const insert = statement<[string, string, string, Milliseconds], never>(
  'INSERT INTO owners (name, password_hash, language, created_at) SELECT ?, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM owners)',
)
const updatePassword = statement<[string], never>('UPDATE owners SET password_hash = ?')
const updateLanguage = statement<[string], never>('UPDATE owners SET language = ?')

const removeAll = statement<[], string>('DELETE FROM owners RETURNING name', 'pluck')

/** Lets the box be claimed anew; everything else stays. Answers who owned it; undefined: nobody did. */
export function resetOwner(tx: Writer): string | undefined {
  endAllOwnerSessions(tx)
  return removeAll(tx).all()[0]
}

/** Undefined: the box is not claimed. */
export function ownerOf(reader: Reader): Owner | undefined {
  return first(reader).get()
}

/** False: somebody else was faster. */
export function createOwner(tx: Writer, { name, passwordHash, language }: Owner, now: Milliseconds): boolean {
  return insert(tx).run(name, passwordHash, language, now).changes === 1
}

export function setOwnerPassword(tx: Writer, passwordHash: string): void {
  updatePassword(tx).run(passwordHash)
}

export function setOwnerLanguage(tx: Writer, language: Language): void {
  updateLanguage(tx).run(language)
}
