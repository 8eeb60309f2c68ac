import { answerOf, noteOf, setAnswer } from '../answers.ts'
import { writeAudit } from '../audit-log.ts'
import { confirmationField, isConfirmedNow } from '../confirmation.ts'
import { keepLanguage } from '../cookies.ts'
import { choices, form, input, type Problems } from '../fields.ts'
import { asOwner } from '../guard.ts'
import { type Html, html, nothing } from '../html.ts'
import { page, tokenField } from '../layout.ts'
import { ownerOf, setOwnerLanguage, setOwnerPassword } from '../owners.ts'
import type { PageDeps } from '../page-deps.ts'
import { technicianNote } from '../provision.ts'
import { endOtherSessions } from '../sessions.ts'
import { isLanguage, timeText } from '../texts.ts'
import type { SetupApp, Visit } from '../visit.ts'
import { countTry } from '../wrong-tries.ts'
import { passwordFields, passwordProblems } from './owner-page.ts'

/** Name of the practice, language, the owner's password, and the ways to everything else. */
export function settingsPage(app: SetupApp, deps: PageDeps): void {
  const { storage, clock, passwords, messenger } = deps

  function technicianPart(): Html {
    const contact = noteOf(storage.reader, technicianNote)
    return contact === undefined ? nothing : html`<p><strong>${contact}</strong></p>`
  }

  function jobsPart({ text, language }: Visit): Html {
    const rows = (messenger.running?.operations.jobs.states() ?? []).map(
      ({ name, last }) =>
        html`<tr><td>${name}</td><td>${last ? timeText(language, last.startedAt) : text('job.never')}</td><td>${last ? text(`job.${last.result}`) : nothing}</td></tr>`,
    )
    return html`<details><summary>${text('settings.jobs')}</summary><div class="scroll"><table><thead><tr><th scope="col">${text('settings.jobName')}</th><th scope="col">${text('settings.jobLast')}</th><th scope="col">${text('settings.jobResult')}</th></tr></thead><tbody>${rows}</tbody></table></div></details>`
  }

  function resetPart(visit: Visit, problems: Problems): Html {
    const { text } = visit
    const fields = [
      input({ name: 'practice_again', label: text('settings.resetName'), problem: problems.practice_again, maxlength: 80 }),
      input({
        name: 'password_now',
        label: text('person.yourPassword'),
        type: 'password',
        autocomplete: 'current-password',
        problem: problems.password_now,
        maxlength: 512,
      }),
    ]
    const button = text('settings.resetButton')
    return html`<details${problems.practice_again || problems.password_now ? html` open` : nothing}><summary>${text('settings.reset')}</summary><p>${text('settings.resetText')}</p>
${form(visit, { action: '/settings/reset', fields, button, grave: true })}</details>`
  }

  function show(visit: Visit, problems: Problems = {}, saved = false): Html {
    const { text, language } = visit
    const practice = answerOf(storage.reader, 'practice')?.name ?? ''
    const nameForm = form(visit, {
      action: '/settings/practice',
      fields: input({
        name: 'practice',
        label: text('practice.name'),
        value: practice,
        problem: problems.practice,
        maxlength: 80,
      }),
      button: text('frame.save'),
    })
    const languageForm = form(visit, {
      action: '/settings/language',
      fields: choices({
        name: 'language',
        legend: text('settings.language'),
        type: 'radio',
        choices: [
          { value: 'de', label: text('owner.german'), checked: language === 'de' },
          { value: 'en', label: text('owner.english'), checked: language === 'en' },
        ],
      }),
      button: text('frame.save'),
    })
    const passwordForm = form(visit, {
      action: '/settings/password',
      fields: [...passwordFields(visit, problems), confirmationField(deps, visit, problems.confirmation)],
      button: text('settings.passwordButton'),
    })
    const own = answerOf(storage.reader, 'reach')?.way === 'own'
    return page(visit, {
      title: text('settings.title'),
      practice,
      section: 'settings',
      content: html`<h1>${text('settings.title')}</h1>${saved ? html`<p class="notice" role="status">${text('settings.saved')}</p>` : nothing}
<article><h2>${text('settings.practice')}</h2>${nameForm}</article>
<article><h2>${text('settings.connection')}</h2><ul><li><a href="/setup/reach/records">${text('settings.reach')}</a></li>
${own ? html`<li><a href="/certificate">${text('settings.certificate')}</a></li>` : nothing}<li><a href="/self-test">${text('settings.selfTest')}</a></li></ul></article>
<article><h2>${text('settings.password')}</h2><p>${text('settings.passwordText')}</p>${passwordForm}</article>
<article>${languageForm}</article>
<article><h2>${text('settings.technician')}</h2>${technicianPart()}<p>${text('settings.bundleText')}</p>
<form method="post" action="/settings/support-bundle">${tokenField(visit.formToken)}<button type="submit" class="quiet">${text('settings.bundle')}</button></form>${jobsPart(visit)}</article>
<article>${resetPart(visit, problems)}</article>`,
    })
  }

  app.get(
    '/settings',
    asOwner((context, visit) => context.html(show(visit, {}, context.req.query('saved') === '1'))),
  )

  app.post(
    '/settings/practice',
    asOwner(async (context, visit, owner) => {
      const name = visit.form.line('practice')
      if (name === '' || name.length > 80)
        return context.html(show(visit, { practice: visit.text(name === '' ? 'frame.required' : 'frame.tooLong') }), 422)
      await storage.write((tx) => {
        setAnswer(tx, 'practice', { name, mode: 'open' })
        writeAudit(tx, { at: clock.now(), who: owner, act: 'practice-set', subject: name })
      })
      return context.redirect('/settings?saved=1', 303)
    }),
  )

  app.post(
    '/settings/language',
    asOwner(async (context, visit, owner) => {
      const language = visit.form.line('language')
      if (!isLanguage(language)) return context.redirect('/settings', 303)
      await storage.write((tx) => {
        setOwnerLanguage(tx, language)
        setAnswer(tx, 'language', language)
        writeAudit(tx, { at: clock.now(), who: owner, act: 'language-changed', subject: language })
      })
      context.header('set-cookie', keepLanguage(language), { append: true })
      return context.redirect('/settings?saved=1', 303)
    }),
  )

  app.post(
    '/settings/password',
    asOwner(async (context, visit, owner) => {
      const { session, form: sent, text } = visit
      if (!session || !(await isConfirmedNow(deps, visit)))
        return context.html(show(visit, { confirmation: text('person.wrongPassword') }), 422)
      const problems = await passwordProblems(visit, [owner, answerOf(storage.reader, 'practice')?.name ?? ''])
      if (Object.keys(problems).length > 0) return context.html(show(visit, problems), 422)
      const passwordHash = await passwords.hash(sent.raw('password'))
      await storage.write((tx) => {
        if (!ownerOf(tx)) return
        setOwnerPassword(tx, passwordHash)
        endOtherSessions(tx, session)
        writeAudit(tx, { at: clock.now(), who: owner, act: 'password-changed', subject: '' })
      })
      return context.redirect('/settings?saved=1', 303)
    }),
  )

  app.post(
    '/settings/reset',
    asOwner(async (context, visit) => {
      const { form: sent, text, network } = visit
      const subject = `sign-in ${network}`
      const practice = answerOf(storage.reader, 'practice')?.name ?? ''
      if (sent.line('practice_again') !== practice)
        return context.html(show(visit, { practice_again: text('settings.resetOtherName') }), 422)
      // Whatever was confirmed before: nothing is graver than this.
      const counted = await storage.write((tx) => countTry(tx, subject, clock.now()))
      const right =
        counted && (await passwords.verify(sent.raw('password_now').slice(0, 512), ownerOf(storage.reader)?.passwordHash))
      if (!right) return context.html(show(visit, { password_now: text('person.wrongPassword') }), 422)
      messenger.reset()
      return context.redirect('/', 303)
    }),
  )

  app.post(
    '/settings/support-bundle',
    asOwner(async (context, visit, owner) => {
      const bundle = await messenger.running?.operations.supportBundle()
      if (!bundle) return context.html(show(visit), 503)
      await storage.write((tx) => writeAudit(tx, { at: clock.now(), who: owner, act: 'support-bundle', subject: '' }))
      return context.body(Uint8Array.from(bundle), 200, {
        'content-type': 'application/gzip',
        'content-disposition': 'attachment; filename="hausbote-support.tar.gz"',
      })
    }),
  )
}
