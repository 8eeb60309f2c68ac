import { writeAudit } from '../audit-log.ts'
import { claimLockedFor, tryClaimCode } from '../claim-code.ts'
import { keepToken } from '../cookies.ts'
import { form, input } from '../fields.ts'
import { html } from '../html.ts'
import { page } from '../layout.ts'
import { ownerOf } from '../owners.ts'
import type { PageDeps } from '../page-deps.ts'
import { startOwnerSession } from '../sessions.ts'
import type { SetupApp, Visit } from '../visit.ts'
import { stepList } from '../wizard.ts'

/** The claim code, which an unclaimed box asks for before anything else. */
export function claimPage(app: SetupApp, deps: PageDeps): void {
  const { storage, clock, random } = deps

  function show(visit: Visit, problem?: string) {
    const { text } = visit
    const locked = claimLockedFor(deps)
    const problems =
      locked > 0 ? { code: text('claim.locked', { minutes: Math.ceil(locked / 60_000) }) } : problem ? { code: problem } : {}
    const field = input({
      name: 'code',
      label: text('claim.code'),
      hint: text('claim.codeHint'),
      problem: problems.code,
      maxlength: 20,
      verbatim: true,
      autofocus: true,
    })
    return page(visit, {
      title: text('claim.title'),
      before: stepList(visit, 'claim'),
      content: html`<article><h1>${text('claim.title')}</h1><p>${text('claim.intro')}</p>
${form(visit, { action: '/claim', fields: field, button: text('frame.continue'), problems })}</article>`,
    })
  }

  app.get('/claim', (context) =>
    ownerOf(storage.reader) ? context.redirect('/', 303) : context.html(show(context.get('visit'))),
  )

  app.post('/claim', async (context) => {
    const visit = context.get('visit')
    if (ownerOf(storage.reader)) return context.redirect('/', 303)
    const result = await tryClaimCode(deps, visit.form.line('code'))
    if (result !== 'right') {
      await storage.write((tx) => writeAudit(tx, { at: clock.now(), who: visit.network, act: 'claim-failed', subject: '' }))
      return context.html(show(visit, visit.text('claim.wrong')), result === 'locked' ? 429 : 422)
    }
    const token = await storage.write((tx) => (ownerOf(tx) ? undefined : startOwnerSession(tx, random, null, clock.now())))
    if (token !== undefined) context.header('set-cookie', keepToken(token), { append: true })
    return context.redirect('/', 303)
  })
}
