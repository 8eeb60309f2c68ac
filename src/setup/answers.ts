import { type Reader, statement, type Writer } from '../storage/handles.ts'
import type { Language } from './texts.ts'

/** How the box is reached from outside the practice. */
export type Reach =
  /** Only within the practice's own network. */
  | { readonly way: 'local' }
  /** A proxy holds the certificate; `publicUrl` is where clients find the server. */
  | { readonly way: 'proxy'; readonly publicUrl: string }
  /** The box fetches its certificate itself; `host` is the name that it has in the internet. */
  | { readonly way: 'own'; readonly host: string }

/** Everything that is asked in the setup. An answer is there as soon as it was confirmed, and survives whatever stops the box. */
export interface Answers {
  /** Of the page, for those who chose none. */
  readonly language: Language
  readonly practice: { readonly name: string; readonly mode: 'open' }
  /** Permanent. */
  readonly serverName: string
  readonly reach: Reach
  /** `later`: the owner was told, and put it off. */
  readonly backup: 'set' | 'later'
  /** When two words of the recovery sheet were typed. */
  readonly recovery: 'confirmed' | 'later'
  readonly staff: 'done'
  /** The owner saw the summary. */
  readonly ready: true
}

const byName = statement<[string], string>('SELECT value FROM setup_answers WHERE name = ?', 'pluck')
const every = statement<[], { name: string; value: string }>('SELECT name, value FROM setup_answers')
const put = statement<[string, string], never>(
  'INSERT INTO setup_answers (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
)
const drop = statement<[string], never>('DELETE FROM setup_answers WHERE name = ?')

export function answersOf(reader: Reader): Partial<Answers> {
  const rows = every(reader).all()
  return Object.fromEntries(rows.map(({ name, value }) => [name, JSON.parse(value)]))
}

export function answerOf<Name extends keyof Answers>(reader: Reader, name: Name): Answers[Name] | undefined {
  const value = byName(reader).get(name)
  return value === undefined ? undefined : (JSON.parse(value) as Answers[Name])
}

export function setAnswer<Name extends keyof Answers>(tx: Writer, name: Name, value: Answers[Name]): void {
  put(tx).run(name, JSON.stringify(value))
}

/** Text that is kept beside the answers, such as the hash of the claim code. */
export function noteOf(reader: Reader, name: `note ${string}`): string | undefined {
  const value = byName(reader).get(name)
  return value === undefined ? undefined : (JSON.parse(value) as string)
}

export function setNote(tx: Writer, name: `note ${string}`, value: string | undefined): void {
  if (value === undefined) drop(tx).run(name)
  else put(tx).run(name, JSON.stringify(value))
}
