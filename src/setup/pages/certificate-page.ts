import { CertificateProblem, usualDirectory } from '../../operations/certificates/certificates.ts'
import { answerOf } from '../answers.ts'
import { form, input, type Problems, tick } from '../fields.ts'
import { asOwner } from '../guard.ts'
import { type Html, html } from '../html.ts'
import { page } from '../layout.ts'
import type { PageDeps } from '../page-deps.ts'
import { timeText } from '../texts.ts'
import type { SetupApp, Visit } from '../visit.ts'
import { nextStep, stepList } from '../wizard.ts'

/** The certificate that the box gets for itself. */
export function certificatePage(app: SetupApp, { storage, messenger }: PageDeps): void {
  const certificates = () => messenger.running?.operations.certificates

  function names(): readonly string[] {
    const reach = answerOf(storage.reader, 'reach')
    return reach?.way === 'own' ? [reach.host] : []
  }

  function wishOf({ form: sent }: Visit) {
    return { names: names(), directory: sent.line('authority') || usualDirectory }
  }

  function show(visit: Visit, problems: Problems = {}): Html {
    const { text, language } = visit
    const current = certificates()?.current()
    const waiting = certificates()?.waitingRecords()
    const inSetup = nextStep(storage.reader) !== undefined
    const agree = [
      tick({ name: 'terms', label: text('certificate.terms'), problem: problems.terms }),
      input({
        name: 'authority',
        label: text('certificate.authority'),
        value: visit.form.line('authority') || usualDirectory,
        inputmode: 'url',
        verbatim: true,
      }),
    ]
    const rows = waiting?.map(
      ({ name, value }) => html`<tr><td><code>${name}</code></td><td>${'TXT'}</td><td><code>${value}</code></td></tr>`,
    )
    const byHand = waiting
      ? html`<div class="scroll"><table><thead><tr><th scope="col">${text('reach.recordName')}</th><th scope="col">${text('reach.recordType')}</th><th scope="col">${text('reach.recordValue')}</th></tr></thead><tbody>${rows}</tbody></table></div>
${form(visit, { action: '/certificate/finish', fields: [], button: text('certificate.finish') })}`
      : form(visit, { action: '/certificate/begin', fields: agree, button: text('certificate.begin') })
    const content = html`<article><h1>${text('certificate.title')}</h1><p>${text('certificate.intro')}</p>
<p class="${current ? 'notice' : 'alert'}">${current ? text('certificate.have', { date: timeText(language, current.notAfter), names: current.names.join(', ') }) : text('certificate.none')}</p>
${form(visit, { action: '/certificate', fields: [...agree, html`<p><small>${text('certificate.obtainNote')}</small></p>`], button: text('certificate.obtain'), problems })}
<div class="actions"><a role="button" class="quiet" href="${inSetup ? '/setup/backup' : '/settings'}">${text('certificate.home')}</a></div></article>
<article><h2>${text('certificate.byHand')}</h2><p>${text('certificate.byHandIntro')}</p>${byHand}</article>`
    const title = text('certificate.title')
    if (inSetup) return page(visit, { title, before: stepList(visit, 'reach'), content })
    return page(visit, { title, section: 'settings', practice: answerOf(storage.reader, 'practice')?.name, content })
  }

  /** Has something done with the authority; what it objects to is said on the page. */
  const withAuthority = (needsTerms: boolean, act: (visit: Visit) => Promise<unknown>, renews: boolean) =>
    asOwner(async (context, visit) => {
      if (needsTerms && visit.form.raw('terms') !== 'yes')
        return context.html(show(visit, { terms: visit.text('certificate.termsNeeded') }), 422)
      try {
        await act(visit)
      } catch (error) {
        if (!(error instanceof CertificateProblem)) throw error
        return context.html(show(visit, { terms: visit.text('certificate.failed', { problem: error.message }) }), 422)
      }
      // With its first certificate the box opens the doors that need one.
      if (renews) messenger.restart()
      return context.redirect('/certificate', 303)
    })

  app.get(
    '/certificate',
    asOwner((context, visit) => context.html(show(visit))),
  )
  app.post(
    '/certificate',
    withAuthority(true, async (visit) => certificates()?.obtain(wishOf(visit)), true),
  )
  app.post(
    '/certificate/begin',
    withAuthority(true, async (visit) => certificates()?.beginDns(wishOf(visit)), false),
  )
  app.post(
    '/certificate/finish',
    withAuthority(false, async () => certificates()?.finishDns(), true),
  )
}
