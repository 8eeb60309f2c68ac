import { type Reader, statement, type Writer } from '../storage/handles.ts'

/** What membership events carry of a profile. */
export interface Profile {
  readonly displayname?: string
  readonly avatar_url?: string
}

export interface ProfileField {
  readonly key: string
  /** JSON. */
  readonly value: string
}

const one = statement<[string, string], string>('SELECT value FROM profile_fields WHERE user_id = ? AND key = ?', 'pluck')
const all = statement<[string], ProfileField>('SELECT key, value FROM profile_fields WHERE user_id = ? ORDER BY key')
const put = statement<[string, string, string], never>(
  'INSERT INTO profile_fields (user_id, key, value) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
)
const removeOne = statement<[string, string], never>('DELETE FROM profile_fields WHERE user_id = ? AND key = ?')
const removeAll = statement<[string], never>('DELETE FROM profile_fields WHERE user_id = ?')

/** Display name and avatar for membership events; empty for those who set neither, and for unknown users. */
export function profileOf(reader: Reader, userId: string): Profile {
  const displayname = findProfileField(reader, userId, 'displayname')
  const avatarUrl = findProfileField(reader, userId, 'avatar_url')
  return {
    ...(displayname !== undefined && { displayname: JSON.parse(displayname) as string }),
    ...(avatarUrl !== undefined && { avatar_url: JSON.parse(avatarUrl) as string }),
  }
}

/** JSON of one field; undefined: not set. */
export function findProfileField(reader: Reader, userId: string, key: string): string | undefined {
  return one(reader).get(userId, key)
}

export function listProfileFields(reader: Reader, userId: string): readonly ProfileField[] {
  return all(reader).all(userId)
}

/** `value`: JSON, as `findProfileField` gives it back. */
export function setProfileField(tx: Writer, userId: string, key: string, value: string): void {
  put(tx).run(userId, key, value)
}

export function deleteProfileField(tx: Writer, userId: string, key: string): void {
  removeOne(tx).run(userId, key)
}

/** Removes everything that a user said about themselves: the account ends. */
export function forgetProfile(tx: Writer, userId: string): void {
  removeAll(tx).run(userId)
}
