import { input } from './fields.ts'
import { type Html, nothing } from './html.ts'
import { ownerOf } from './owners.ts'
import type { PageDeps } from './page-deps.ts'
import { isConfirmed, markConfirmed } from './sessions.ts'
import type { Visit } from './visit.ts'
import { countTry, forgetTries } from './wrong-tries.ts'

const field = 'your_password'

/** The owner's password in a form for a dangerous act; nothing if it was given a moment ago. */
export function confirmationField({ clock }: Pick<PageDeps, 'clock'>, { session, text }: Visit, problem?: string): Html {
  if (session && isConfirmed(session, clock.now())) return nothing
  return input({
    name: field,
    label: text('person.yourPassword'),
    hint: text('person.yourPasswordHint'),
    type: 'password',
    autocomplete: 'current-password',
    problem,
    maxlength: 512,
  })
}

/** Whether the owner's password is known to be right; wrong ones count as wrong tries to sign in. */
export async function isConfirmedNow(deps: PageDeps, { session, form, network }: Visit): Promise<boolean> {
  const { storage, clock, passwords } = deps
  const now = clock.now()
  if (!session) return false
  if (isConfirmed(session, now)) return true
  const subject = `sign-in ${network}`
  if (!(await storage.write((tx) => countTry(tx, subject, now)))) return false
  if (!(await passwords.verify(form.raw(field).slice(0, 512), ownerOf(storage.reader)?.passwordHash))) return false
  await storage.write((tx) => {
    forgetTries(tx, subject)
    markConfirmed(tx, session, now)
  })
  return true
}
