import { answerOf, type Reach, setAnswer } from '../answers.ts'
import { writeAudit } from '../audit-log.ts'
import { dnsRecords } from '../dns-records.ts'
import { choices, form, input, type Problems } from '../fields.ts'
import { asOwner } from '../guard.ts'
import { type Html, html, nothing } from '../html.ts'
import { page } from '../layout.ts'
import type { PageDeps } from '../page-deps.ts'
import { readServerName } from '../server-name.ts'
import type { SetupApp, Visit } from '../visit.ts'
import { nextStep, stepList } from '../wizard.ts'

/** How the box is reached from outside: chosen, written down as records to copy, and looked at. */
export function reachPage(app: SetupApp, deps: PageDeps): void {
  const { storage, clock, settled, messenger, resolver } = deps
  const inSetup = () => nextStep(storage.reader) !== undefined

  function framed(visit: Visit, content: Html): Html {
    const title = visit.text('reach.title')
    if (inSetup()) return page(visit, { title, before: stepList(visit, 'reach'), content })
    return page(visit, { title, section: 'settings', practice: answerOf(storage.reader, 'practice')?.name, content })
  }

  function ask(visit: Visit, problems: Problems = {}): Html {
    const { text, form: sent } = visit
    const known = answerOf(storage.reader, 'reach')
    const chosen = sent.line('way') || known?.way || 'local'
    const host = known?.way === 'own' ? known.host : known?.way === 'proxy' ? new URL(known.publicUrl).host : ''
    const way = (value: Reach['way']) => ({
      value,
      label: text(`reach.${value}`),
      hint: text(`reach.${value}Hint`),
      checked: chosen === value,
    })
    const fields = [
      choices({ name: 'way', legend: text('reach.way'), type: 'radio', choices: [way('local'), way('own'), way('proxy')] }),
      input({
        name: 'host',
        label: text('reach.host'),
        hint: text('reach.hostHint'),
        value: sent.line('host') || host,
        problem: problems.host,
        optional: true,
        inputmode: 'url',
        verbatim: true,
      }),
    ]
    return framed(
      visit,
      html`<article><h1>${text('reach.title')}</h1><p>${text('reach.intro')}</p>
${settled.publicUrl === undefined ? nothing : html`<p class="notice">${text('reach.configured', { url: settled.publicUrl })}</p>`}
${form(visit, { action: '/setup/reach', fields, button: text('frame.continue'), problems })}</article>`,
    )
  }

  async function records(visit: Visit, reach: Reach): Promise<Html> {
    const { text } = visit
    if (reach.way === 'local') return html`<p class="notice">${text('reach.localDone')}</p>`
    const host = reach.way === 'own' ? reach.host : new URL(reach.publicUrl).hostname
    const found = await dnsRecords(resolver, answerOf(storage.reader, 'serverName') ?? host, host)
    const rows = found.map((record) => {
      const state =
        record.found === undefined
          ? text('reach.unknown')
          : record.found.length > 0
            ? text('reach.found', { value: record.found.join(', ') })
            : text('reach.missing')
      const value = record.value ?? text('reach.publicAddress')
      const copy = (content: string) =>
        html` <button type="button" class="quiet small" data-copy="${content}" data-copied="${text('frame.copied')}" hidden>${text('frame.copy')}</button>`
      return html`<tr><td><code>${record.name}</code>${copy(record.name)}</td><td>${record.type}</td>
<td>${record.value === undefined ? value : html`<code>${value}</code>${copy(value)}`}</td><td>${state}</td></tr>`
    })
    const target = (deps.clientUrls()[0] ?? '').replace(/^https?:\/\//, '')
    return html`<h2>${text('reach.recordsTitle')}</h2><p>${text('reach.recordsIntro')}</p>
<div class="scroll"><table><thead><tr><th scope="col">${text('reach.recordName')}</th><th scope="col">${text('reach.recordType')}</th>
<th scope="col">${text('reach.recordValue')}</th><th scope="col">${text('reach.recordState')}</th></tr></thead><tbody>${rows}</tbody></table></div>
${reach.way === 'proxy' ? html`<p>${text('reach.proxyRules', { target })}</p>` : nothing}`
  }

  async function show(visit: Visit, reach: Reach): Promise<Html> {
    const { text } = visit
    const next = reach.way === 'own' ? '/certificate' : inSetup() ? '/' : '/settings'
    return framed(
      visit,
      html`<article><h1>${text('reach.title')}</h1><p><strong>${text(`reach.${reach.way}`)}</strong></p>${await records(visit, reach)}
<div class="actions"><a role="button" href="${next}">${text('reach.next')}</a>
${reach.way === 'local' ? nothing : html`<a href="/setup/reach/records">${text('reach.check')}</a>`}<a href="/setup/reach">${text('reach.change')}</a></div></article>`,
    )
  }

  function read({ form: sent }: Visit): Reach | undefined {
    const host = readServerName(sent.line('host'))
    const way = sent.line('way')
    if (way === 'local') return { way }
    if (host === undefined) return undefined
    return way === 'own' ? { way, host } : way === 'proxy' ? { way, publicUrl: `https://${host}` } : undefined
  }

  app.get(
    '/setup/reach',
    asOwner((context, visit) => context.html(ask(visit))),
  )

  app.get(
    '/setup/reach/records',
    asOwner(async (context, visit) => {
      const reach = answerOf(storage.reader, 'reach')
      return reach ? context.html(await show(visit, reach)) : context.redirect('/setup/reach', 303)
    }),
  )

  app.post(
    '/setup/reach',
    asOwner(async (context, visit, owner) => {
      const reach = read(visit)
      if (!reach) return context.html(ask(visit, { host: visit.text('reach.hostNeeded') }), 422)
      const before = answerOf(storage.reader, 'reach')
      await storage.write((tx) => {
        setAnswer(tx, 'reach', reach)
        writeAudit(tx, { at: clock.now(), who: owner, act: 'reach-set', subject: visit.text(`reach.${reach.way}`) })
      })
      if (JSON.stringify(before) !== JSON.stringify(reach)) messenger.restart()
      return context.redirect('/setup/reach/records', 303)
    }),
  )
}
