import { form, input, type Problems, tick } from '../fields.ts'
import { type Html, html } from '../html.ts'
import { page } from '../layout.ts'
import { ownerOf } from '../owners.ts'
import type { PageDeps } from '../page-deps.ts'
import type { SetupApp, Visit } from '../visit.ts'
import { stepList } from '../wizard.ts'

/** Seconds between looks at a restore that runs, for browsers without scripts. */
const renewal = 3

/** A backup onto a box that nobody owns, for those who gave its code. */
export function restorePage(app: SetupApp, { storage, restoring }: PageDeps): void {
  const claims = ({ session }: Visit) => session !== undefined && session.owner === null && !ownerOf(storage.reader)

  function ask(visit: Visit, problems: Problems = {}): Html {
    const { text, form: sent } = visit
    const fields = [
      input({
        name: 'place',
        label: text('restore.place'),
        hint: text('backup.placeHint'),
        value: sent.line('place'),
        problem: problems.place,
        maxlength: 1000,
        verbatim: true,
      }),
      input({
        name: 'passphrase',
        label: text('restore.passphrase'),
        type: 'password',
        problem: problems.passphrase,
        maxlength: 1000,
      }),
      html`<div class="row">${input({ name: 'key_id', label: text('backup.keyId'), value: sent.line('key_id'), optional: true, verbatim: true })}
${input({ name: 'key_secret', label: text('backup.keySecret'), type: 'password', optional: true, maxlength: 1000 })}</div>`,
      html`<p class="alert">${text('restore.warning')}</p>`,
      tick({ name: 'old', label: text('restore.old'), problem: problems.old }),
    ]
    return page(visit, {
      title: text('restore.title'),
      before: stepList(visit, 'owner'),
      content: html`<article><h1>${text('restore.title')}</h1><p>${text('restore.intro')}</p>
${form(visit, { action: '/setup/restore', fields, button: text('restore.begin'), problems })}</article>`,
    })
  }

  function underWay(visit: Visit, step: 'look' | 'fetch' | 'check', fraction: number): Html {
    const { text } = visit
    return page(visit, {
      title: text('restore.underWay'),
      content: html`<article><h1>${text('restore.underWay')}</h1><p role="status">${text('restore.step', { step: text(`restore.step${step}`) })}</p>
<progress value="${fraction}" max="1" aria-label="${text('restore.underWay')}"></progress><p>${text('restore.wait')}</p></article>`,
    })
  }

  app.get('/setup/restore', (context) => {
    const visit = context.get('visit')
    if (!claims(visit)) return context.redirect('/', 303)
    const now = restoring.state()
    if (now.state === 'running') {
      context.header('refresh', String(renewal))
      return context.html(underWay(visit, now.step, now.fraction))
    }
    return context.html(
      ask(visit, now.state === 'failed' ? { place: visit.text('restore.failed', { problem: now.problem }) } : {}),
    )
  })

  app.post('/setup/restore', (context) => {
    const visit = context.get('visit')
    const { form: sent, text } = visit
    if (!claims(visit)) return context.redirect('/', 303)
    const problems = {
      ...(sent.line('place') === '' && { place: text('frame.required') }),
      ...(sent.raw('passphrase') === '' && { passphrase: text('frame.required') }),
      ...(sent.raw('old') !== 'yes' && { old: text('restore.oldNeeded') }),
    }
    if (Object.keys(problems).length > 0) return context.html(ask(visit, problems), 422)
    const environment = {
      ...(sent.line('key_id') && { AWS_ACCESS_KEY_ID: sent.line('key_id') }),
      ...(sent.raw('key_secret') && { AWS_SECRET_ACCESS_KEY: sent.raw('key_secret') }),
    }
    restoring.begin({ repository: sent.line('place'), passphrase: sent.raw('passphrase').trim(), environment })
    return context.redirect('/setup/restore', 303)
  })
}
