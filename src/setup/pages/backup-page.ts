import { backupJob, backupTestJob } from '../../operations/backup/jobs.ts'
import { BackupProblem } from '../../operations/backup/problems.ts'
import type { JobState } from '../../operations/jobs.ts'
import { answerOf, setAnswer } from '../answers.ts'
import { writeAudit } from '../audit-log.ts'
import { confirmationField, isConfirmedNow } from '../confirmation.ts'
import { form, input, type Problems } from '../fields.ts'
import { asOwner } from '../guard.ts'
import { type Html, html, nothing } from '../html.ts'
import { page, tokenField } from '../layout.ts'
import type { PageDeps } from '../page-deps.ts'
import { makePassphrase } from '../recovery-words.ts'
import { timeText } from '../texts.ts'
import type { SetupApp, Visit } from '../visit.ts'
import { nextStep, stepList } from '../wizard.ts'

/** Where the backup goes, and how it does. */
export function backupPage(app: SetupApp, deps: PageDeps): void {
  const { storage, clock, random, messenger, log } = deps
  const operations = () => messenger.running?.operations

  function targetForm(visit: Visit, problems: Problems): Html {
    const { text, form: sent } = visit
    const fields = [
      input({
        name: 'place',
        label: text('backup.place'),
        hint: text('backup.placeHint'),
        value: sent.line('place'),
        problem: problems.place,
        maxlength: 1000,
        verbatim: true,
      }),
      input({
        name: 'passphrase',
        label: text('backup.existing'),
        hint: text('backup.existingHint'),
        type: 'password',
        optional: true,
        autocomplete: 'off',
        maxlength: 1000,
      }),
      html`<div class="row">${input({ name: 'key_id', label: text('backup.keyId'), value: sent.line('key_id'), optional: true, verbatim: true })}
${input({ name: 'key_secret', label: text('backup.keySecret'), type: 'password', optional: true, maxlength: 1000 })}</div>`,
      confirmationField(deps, visit, problems.confirmation),
    ]
    return form(visit, { action: '/backup/target', fields, button: text('backup.set'), problems })
  }

  function runText({ text, language }: Visit, name: string): string {
    const run: JobState['lastSuccess'] = operations()
      ?.jobs.states()
      .find((job) => job.name === name)?.lastSuccess
    return run ? timeText(language, run.startedAt) : text('backup.never')
  }

  function progressPart({ text }: Visit): Html {
    const progress = operations()?.backup.progress
    if (!progress) return nothing
    return html`<p class="notice" role="status">${text('backup.running', { step: text(`backup.step${progress.step}`) })}<progress value="${progress.fraction}" max="1"></progress></p>`
  }

  function failurePart({ text }: Visit): Html {
    const failed = [backupJob, backupTestJob]
      .map(
        (name) =>
          operations()
            ?.jobs.states()
            .find((job) => job.name === name)?.last,
      )
      .find((run) => run?.result === 'failed')
    if (!failed) return nothing
    const problem = String((failed.detail as { problem?: unknown } | null)?.problem ?? '')
    return html`<p class="alert">${text('backup.problem', { problem })}</p>`
  }

  function state(visit: Visit): Html {
    const { text } = visit
    const target = operations()?.backup.target()
    const start = (name: string, label: string) =>
      html`<form method="post" action="/backup/run">${tokenField(visit.formToken)}<input type="hidden" name="job" value="${name}"><button type="submit" class="${name === backupJob ? '' : 'quiet'}">${label}</button></form>`
    return html`<dl><dt>${text('backup.target')}</dt><dd>${target ?? text('backup.notSet')}</dd>
<dt>${text('backup.last')}</dt><dd>${runText(visit, backupJob)}</dd>
<dt>${text('backup.test')}</dt><dd>${runText(visit, backupTestJob)}</dd></dl>
${failurePart(visit)}${progressPart(visit)}<p>${text('backup.testText')}</p>
${target === undefined ? nothing : html`<div class="actions">${start(backupJob, text('backup.now'))}${start(backupTestJob, text('backup.testNow'))}</div>`}
<p><a href="/recovery">${text('backup.sheet')}</a></p>`
  }

  function show(visit: Visit, problems: Problems = {}): Html {
    const { text } = visit
    const title = text('backup.title')
    const intro = html`<h1>${title}</h1><p>${text('backup.intro')}</p>`
    if (nextStep(storage.reader) !== undefined)
      return page(visit, {
        title,
        before: stepList(visit, 'backup'),
        content: html`<article>${intro}${targetForm(visit, problems)}
<div class="actions"><form method="post" action="/setup/backup">${tokenField(visit.formToken)}<button type="submit" class="quiet">${text('backup.later')}</button></form></div></article>`,
      })
    return page(visit, {
      title,
      practice: answerOf(storage.reader, 'practice')?.name,
      section: 'backup',
      content: html`<article>${intro}${state(visit)}</article><article><h2>${text('backup.change')}</h2>${targetForm(visit, problems)}</article>`,
    })
  }

  app.get(
    '/backup',
    asOwner((context, visit) => {
      // Progress, for browsers without scripts as well.
      if (operations()?.backup.progress) context.header('refresh', '3')
      return context.html(show(visit))
    }),
  )
  app.get(
    '/setup/backup',
    asOwner((context, visit) => context.html(show(visit))),
  )

  app.post(
    '/backup/target',
    asOwner(async (context, visit, owner) => {
      const { form: sent, text } = visit
      if (!(await isConfirmedNow(deps, visit)))
        return context.html(show(visit, { confirmation: text('person.wrongPassword') }), 422)
      const backup = operations()?.backup
      if (!backup) return context.html(show(visit, { place: text('staff.refusedNotRunning') }), 503)
      const environment = {
        ...(sent.line('key_id') && { AWS_ACCESS_KEY_ID: sent.line('key_id') }),
        ...(sent.raw('key_secret') && { AWS_SECRET_ACCESS_KEY: sent.raw('key_secret') }),
      }
      const passphrase = sent.raw('passphrase') || makePassphrase(random.bytes(12))
      try {
        await backup.prepare({ repository: sent.line('place'), passphrase, environment })
      } catch (error) {
        if (!(error instanceof BackupProblem)) throw error
        return context.html(show(visit, { place: text('backup.failed', { problem: error.message }) }), 422)
      }
      await storage.write((tx) => {
        setAnswer(tx, 'backup', 'set')
        writeAudit(tx, { at: clock.now(), who: owner, act: 'backup-set', subject: backup.target() ?? '' })
      })
      return context.redirect(nextStep(storage.reader) === undefined ? '/recovery' : '/', 303)
    }),
  )

  app.post(
    '/setup/backup',
    asOwner(async (context, _visit, owner) => {
      await storage.write((tx) => {
        setAnswer(tx, 'backup', 'later')
        writeAudit(tx, { at: clock.now(), who: owner, act: 'backup-postponed', subject: '' })
      })
      return context.redirect('/', 303)
    }),
  )

  app.post(
    '/backup/run',
    asOwner(async (context, visit, owner) => {
      const job = visit.form.line('job') === backupTestJob ? backupTestJob : backupJob
      // Its result is kept, and shown on this page.
      operations()
        ?.jobs.run(job)
        ?.catch((error: unknown) => log.error({ err: error, job }, 'job not recorded'))
      await storage.write((tx) => writeAudit(tx, { at: clock.now(), who: owner, act: 'backup-started', subject: job }))
      return context.redirect('/backup', 303)
    }),
  )
}
