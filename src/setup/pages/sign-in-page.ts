import { timingSafeEqual } from 'node:crypto'
import { lastRestore } from '../../operations/backup/restored-database.ts'
import type { Milliseconds } from '../../platform/clock.ts'
import { writeAudit } from '../audit-log.ts'
import { keepLanguage, keepToken } from '../cookies.ts'
import { form, input } from '../fields.ts'
import { type Html, html, nothing } from '../html.ts'
import { page } from '../layout.ts'
import { ownerOf } from '../owners.ts'
import type { PageDeps } from '../page-deps.ts'
import { endOwnerSession, startOwnerSession } from '../sessions.ts'
import { timeText } from '../texts.ts'
import type { SetupApp, Visit } from '../visit.ts'
import { countTry, forgetTries, lockedFor } from '../wrong-tries.ts'

const day: Milliseconds = 86_400_000
const subjectOf = ({ network }: Visit) => `sign-in ${network}`

/** Signing in and out. */
export function signInPage(app: SetupApp, deps: PageDeps): void {
  const { storage, clock, random, passwords } = deps

  function show(visit: Visit, problem?: string) {
    const { text } = visit
    const locked = lockedFor(storage.reader, subjectOf(visit), clock.now())
    const said = locked > 0 ? text('signIn.locked', { minutes: Math.ceil(locked / 60_000) }) : problem
    const fields = [
      input({
        name: 'name',
        label: text('signIn.name'),
        value: visit.form.line('name'),
        autocomplete: 'username',
        autofocus: true,
      }),
      input({
        name: 'password',
        label: text('signIn.password'),
        type: 'password',
        autocomplete: 'current-password',
        maxlength: 512,
      }),
    ]
    const problems = said === undefined ? {} : { password: said }
    return page(visit, {
      title: text('signIn.title'),
      content: html`<article class="narrow"><h1>${text('signIn.title')}</h1>${restoredNotice(visit)}
${form(visit, { action: '/sign-in', fields, button: text('signIn.title'), problems })}</article>`,
    })
  }

  /** After a restore the password is that of the backup. */
  function restoredNotice({ text, language }: Visit): Html {
    const report = lastRestore(storage.reader)
    if (!report || Math.abs(clock.now() - report.restoredAt) > day) return nothing
    return html`<p class="notice" role="status">${text('restore.done', { date: timeText(language, report.lostSince) })}</p>`
  }

  app.get('/sign-in', (context) => context.html(show(context.get('visit'))))

  app.post('/sign-in', async (context) => {
    const visit = context.get('visit')
    const owner = ownerOf(storage.reader)
    const now = clock.now()
    const refuse = async (status: 422 | 429) => {
      await storage.write((tx) => writeAudit(tx, { at: now, who: visit.network, act: 'sign-in-failed', subject: '' }))
      return context.html(show(visit, visit.text('signIn.wrong')), status)
    }
    if (!(await storage.write((tx) => countTry(tx, subjectOf(visit), now)))) return refuse(429)
    const right = await passwords.verify(visit.form.raw('password').slice(0, 512), owner?.passwordHash)
    if (!right || !owner || !sameName(visit.form.line('name'), owner.name)) return refuse(422)
    const token = await storage.write((tx) => {
      forgetTries(tx, subjectOf(visit))
      if (visit.session) endOwnerSession(tx, visit.session)
      writeAudit(tx, { at: now, who: owner.name, act: 'signed-in', subject: visit.network })
      return startOwnerSession(tx, random, owner.name, now)
    })
    context.header('set-cookie', keepToken(token), { append: true })
    context.header('set-cookie', keepLanguage(owner.language), { append: true })
    return context.redirect('/', 303)
  })

  app.post('/sign-out', async (context) => {
    const { session } = context.get('visit')
    if (session)
      await storage.write((tx) => {
        endOwnerSession(tx, session)
        writeAudit(tx, { at: clock.now(), who: session.owner ?? '', act: 'signed-out', subject: '' })
      })
    return context.redirect('/', 303)
  })
}

/** As people type names: capitals do not matter. */
function sameName(typed: string, name: string): boolean {
  const [one, other] = [typed, name].map((text) => Buffer.from(text.normalize('NFC').toLowerCase()))
  return one !== undefined && other !== undefined && one.length === other.length && timingSafeEqual(one, other)
}
