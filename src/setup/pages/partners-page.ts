import { type DestinationState, destinationStates } from '../../federation/destinations.ts'
import { countWaiting } from '../../federation/outbox.ts'
import { answerOf } from '../answers.ts'
import { writeAudit } from '../audit-log.ts'
import { asOwner } from '../guard.ts'
import { type Html, html, nothing } from '../html.ts'
import { page, tokenField } from '../layout.ts'
import type { PageDeps } from '../page-deps.ts'
import { timeText } from '../texts.ts'
import type { SetupApp, Visit } from '../visit.ts'

/** Shown; those in trouble first. */
const maxShown = 200

/** The other practices and hospitals: last contact, what waits for them, and another try. */
export function partnersPage(app: SetupApp, { storage, clock, messenger }: PageDeps): void {
  function item(visit: Visit, { server, failingSince, lastSuccess }: DestinationState): Html {
    const { text, language } = visit
    const waiting = failingSince === null ? 0 : countWaiting(storage.reader, server).pdus
    const contact =
      lastSuccess === null ? text('partners.never') : text('partners.contact', { time: timeText(language, lastSuccess) })
    const trouble =
      failingSince === null
        ? nothing
        : html`<small>${text('partners.since', { time: timeText(language, failingSince), waiting })}</small>`
    const again =
      failingSince === null
        ? nothing
        : html`<form method="post" action="/partners">${tokenField(visit.formToken)}<input type="hidden" name="server" value="${server}">
<button type="submit" class="quiet small" aria-label="${text('partners.tryLabel', { name: server })}">${text('partners.try')}</button></form>`
    const tag = failingSince === null ? text('partners.reachable') : text('partners.unreachable')
    return html`<li><div class="who"><strong>${server}</strong><small>${contact}</small>${trouble}</div><span class="tag">${tag}</span>${again}</li>`
  }

  app.get(
    '/partners',
    asOwner((context, visit) => {
      const { text } = visit
      const states = destinationStates(storage.reader).toSorted(
        (one, other) => Number(one.failingSince === null) - Number(other.failingSince === null),
      )
      const items = states.slice(0, maxShown).map((state) => item(visit, state))
      return context.html(
        page(visit, {
          title: text('light.partners'),
          practice: answerOf(storage.reader, 'practice')?.name,
          section: 'start',
          content: html`<article><h1>${text('light.partners')}</h1><p>${text('partners.intro')}</p>
${items.length > 0 ? html`<ul class="people">${items}</ul>` : html`<p>${text('light.partnersNone')}</p>`}
<p><a href="/self-test">${text('light.partnersAction')}</a></p></article>`,
        }),
      )
    }),
  )

  app.post(
    '/partners',
    asOwner(async (context, visit, owner) => {
      const wanted = visit.form.line('server')
      const known = destinationStates(storage.reader).find(({ server }) => server === wanted)
      if (known) {
        await storage.write((tx) => writeAudit(tx, { at: clock.now(), who: owner, act: 'partner-tried', subject: wanted }))
        messenger.running?.retryPartner?.(known.server)
      }
      return context.redirect('/partners', 303)
    }),
  )
}
