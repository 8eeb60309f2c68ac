import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { backupDirectory, repositoryName, savedAccess } from '../../operations/backup/target.ts'
import { answerOf, setAnswer } from '../answers.ts'
import { writeAudit } from '../audit-log.ts'
import { confirmationField, isConfirmedNow } from '../confirmation.ts'
import { form, input, type Problems } from '../fields.ts'
import { asOwner } from '../guard.ts'
import { type Html, html, nothing } from '../html.ts'
import { page, tokenField } from '../layout.ts'
import type { PageDeps } from '../page-deps.ts'
import { qrPicture } from '../qr.ts'
import { toWords } from '../recovery-words.ts'
import { isConfirmed, type OwnerSession } from '../sessions.ts'
import { timeText } from '../texts.ts'
import type { SetupApp, Visit } from '../visit.ts'
import { nextStep, stepList } from '../wizard.ts'

interface Secrets {
  /** The line of the key's file. */
  readonly line: string
  readonly keyId: string
  readonly words: readonly string[]
  readonly backup: { readonly passphrase: string; readonly target: string } | undefined
}

/** The sheet for the worst case: signing key and passphrase of the backup, as words and as pictures. */
export function recoveryPage(app: SetupApp, deps: PageDeps): void {
  const { storage, clock, dataDirectory } = deps

  function secrets(): Secrets | undefined {
    const file = join(dataDirectory, 'signing.key')
    const line = existsSync(file) ? readFileSync(file, 'utf8').split('\n')[0] : undefined
    const [algorithm, version, seed] = line?.split(' ') ?? []
    if (line === undefined || seed === undefined) return undefined
    const access = savedAccess(backupDirectory(dataDirectory), {})
    const backup = access && {
      passphrase: readFileSync(access.passphraseFile, 'utf8').trimEnd(),
      target: repositoryName(access.repository),
    }
    return { line, keyId: `${algorithm}:${version}`, words: toWords(Buffer.from(seed, 'base64')), backup }
  }

  /** Which words are asked for; others at the next sign-in. */
  function asked({ tokenHash }: OwnerSession, count: number): readonly [number, number] {
    const [one = 0, other = 0] = createHash('sha256').update(`words ${tokenHash}`).digest()
    const first = one % count
    return [first, (first + 1 + (other % (count - 1))) % count]
  }

  function framed(visit: Visit, content: Html): Html {
    const title = visit.text('recovery.title')
    if (nextStep(storage.reader) !== undefined) return page(visit, { title, before: stepList(visit, 'recovery'), content })
    return page(visit, { title, section: 'backup', practice: answerOf(storage.reader, 'practice')?.name, content })
  }

  function askPassword(visit: Visit, problem?: string): Html {
    const problems = problem === undefined ? {} : { password: problem }
    const { text } = visit
    const fields = confirmationField(deps, visit, problem)
    return framed(
      visit,
      html`<article><h1>${text('recovery.title')}</h1><p>${text('recovery.intro')}</p>
${form(visit, { action: '/recovery/show', fields, button: text('recovery.show'), problems, more: later(visit) })}</article>`,
    )
  }

  function later({ text }: Visit): Html {
    return nextStep(storage.reader) === 'recovery' ? html`<a href="/recovery/later">${text('recovery.later')}</a>` : nothing
  }

  async function sheet(visit: Visit, found: Secrets): Promise<Html> {
    const { text, language } = visit
    const practice = answerOf(storage.reader, 'practice')?.name ?? ''
    const name = answerOf(storage.reader, 'serverName') ?? ''
    const { backup } = found
    const words = found.words.map((word) => html`<li>${word}</li>`)
    return html`<article><h1>${text('recovery.title')}</h1><p>${text('recovery.intro')}</p>
<h2>${text('recovery.key')}</h2><p>${text('recovery.keyText', { name, id: found.keyId })}</p>
<div class="sheet"><ol class="words">${words}</ol>${await qrPicture(found.line, text('recovery.qr'))}</div>
<h2>${text('recovery.passphrase')}</h2>
${
  backup
    ? html`<p>${text('recovery.passphraseText', { target: backup.target })}</p><div class="sheet"><p class="secret"><code>${backup.passphrase}</code></p>${await qrPicture(backup.passphrase, text('recovery.qrPassphrase'))}</div>`
    : html`<p>${text('recovery.noBackup')}</p>`
}
<p><small>${text('recovery.printed', { date: timeText(language, clock.now()), practice })}</small></p>
<div class="actions"><button type="button" data-print hidden>${text('frame.print')}</button></div></article>`
  }

  async function show(visit: Visit, session: OwnerSession, problems: Problems = {}): Promise<Html> {
    const { text } = visit
    const found = secrets()
    if (!found) return framed(visit, html`<article><p>${text('staff.refusedNotRunning')}</p></article>`)
    const [first, second] = asked(session, found.words.length)
    const field = (name: string, index: number) =>
      input({ name, label: text('recovery.word', { number: index + 1 }), problem: problems[name], maxlength: 20, verbatim: true })
    const fields = html`<div class="row">${field('first', first)}${field('second', second)}</div>`
    return framed(
      visit,
      html`${await sheet(visit, found)}<article class="noprint"><h2>${text('recovery.confirm')}</h2>
${answerOf(storage.reader, 'recovery') === 'confirmed' ? html`<p class="notice">${text('recovery.confirmed')}</p>` : nothing}
<p>${text('recovery.confirmText')}</p>${form(visit, { action: '/recovery', fields, button: text('recovery.done'), problems, more: later(visit) })}</article>`,
    )
  }

  const start = asOwner(async (context, visit, owner) => {
    const { session } = visit
    if (!session || !isConfirmed(session, clock.now())) return context.html(askPassword(visit))
    await storage.write((tx) => writeAudit(tx, { at: clock.now(), who: owner, act: 'recovery-shown', subject: '' }))
    return context.html(await show(visit, session))
  })
  app.get('/recovery', start)
  app.get('/setup/recovery', start)

  app.post(
    '/recovery/show',
    asOwner(async (context, visit) =>
      (await isConfirmedNow(deps, visit))
        ? context.redirect('/recovery', 303)
        : context.html(askPassword(visit, visit.text('person.wrongPassword')), 422),
    ),
  )

  app.post(
    '/recovery',
    asOwner(async (context, visit, owner) => {
      const found = secrets()
      const { session, form: sent } = visit
      if (!found || !session) return context.redirect('/recovery', 303)
      const [first, second] = asked(session, found.words.length)
      const right = (name: string, index: number) => sent.line(name).toLowerCase() === found.words[index]
      const problems = {
        ...(!right('first', first) && { first: visit.text('recovery.wrong') }),
        ...(!right('second', second) && { second: visit.text('recovery.wrong') }),
      }
      if (Object.keys(problems).length > 0) {
        // Whoever mistypes has the sheet in hand, not on the screen.
        const page = isConfirmed(session, clock.now()) ? await show(visit, session, problems) : askPassword(visit)
        return context.html(page, 422)
      }
      await storage.write((tx) => {
        setAnswer(tx, 'recovery', 'confirmed')
        writeAudit(tx, { at: clock.now(), who: owner, act: 'recovery-confirmed', subject: '' })
      })
      return context.redirect(nextStep(storage.reader) === undefined ? '/backup' : '/', 303)
    }),
  )

  app.get(
    '/recovery/later',
    asOwner((context, visit) => {
      const { text } = visit
      const button = html`<form method="post" action="/recovery/later">${tokenField(visit.formToken)}<button type="submit">${text('recovery.later')}</button></form>`
      return context.html(
        framed(
          visit,
          html`<article><h1>${text('recovery.title')}</h1><p class="alert">${text('recovery.intro')}</p>
<div class="actions">${button}<a href="/recovery">${text('frame.back')}</a></div></article>`,
        ),
      )
    }),
  )

  app.post(
    '/recovery/later',
    asOwner(async (context, _visit, owner) => {
      await storage.write((tx) => {
        if (answerOf(tx, 'recovery') === 'confirmed') return
        setAnswer(tx, 'recovery', 'later')
        writeAudit(tx, { at: clock.now(), who: owner, act: 'recovery-postponed', subject: '' })
      })
      return context.redirect('/', 303)
    }),
  )
}
