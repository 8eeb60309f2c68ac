import { explainCheck } from '../../operations/self-test/explain.ts'
import type { CheckResult } from '../../operations/self-test/result.ts'
import { answerOf } from '../answers.ts'
import { asOwner } from '../guard.ts'
import { type Html, html } from '../html.ts'
import { page, tokenField } from '../layout.ts'
import type { PageDeps } from '../page-deps.ts'
import { checkSentence } from '../self-test-texts.ts'
import { timeText } from '../texts.ts'
import type { SetupApp, Visit } from '../visit.ts'

/** The box looks at itself from inside and over its public name. */
export function selfTestPage(app: SetupApp, { storage, clock, messenger }: PageDeps): void {
  function framed(visit: Visit, content: Html): Html {
    const { text } = visit
    return page(visit, {
      title: text('selfTest.title'),
      section: 'settings',
      practice: answerOf(storage.reader, 'practice')?.name,
      content,
    })
  }

  function begin(visit: Visit): Html {
    const { text } = visit
    return html`<form method="post" action="/self-test">${tokenField(visit.formToken)}<button type="submit">${text('selfTest.begin')}</button></form>`
  }

  function item(visit: Visit, result: CheckResult): Html {
    const { text } = visit
    const colour = ({ ok: 'green', warn: 'yellow', fail: 'red' } as const)[result.state]
    const spoken = ({ ok: 'light.good', warn: 'light.warn', fail: 'light.bad' } as const)[result.state]
    return html`<li class="light ${colour}"><span class="lamp" aria-hidden="true"></span><div><h2><span class="spoken">${text(spoken)} </span>${text(`check.${result.id}`)}</h2><p>${checkSentence(text, result)}</p></div></li>`
  }

  app.get(
    '/self-test',
    asOwner((context, visit) => {
      const { text } = visit
      return context.html(
        framed(
          visit,
          html`<article><h1>${text('selfTest.title')}</h1><p>${text('selfTest.intro')}</p><div class="actions">${begin(visit)}</div></article>`,
        ),
      )
    }),
  )

  app.post(
    '/self-test',
    asOwner(async (context, visit) => {
      const { text, language } = visit
      const running = messenger.running
      if (!running) return context.html(framed(visit, html`<article><p>${text('staff.refusedNotRunning')}</p></article>`), 503)
      const results = await running.operations.selfTest()
      const report = results.map(explainCheck).join('\n')
      const title = text('selfTest.title')
      return context.html(
        framed(
          visit,
          html`<h1>${title}</h1><p><small>${text('start.checked', { time: timeText(language, clock.now()) })}</small></p>
<ul class="lights">${results.map((result) => item(visit, result))}</ul>
<article><h2>${text('selfTest.report')}</h2><p>${text('selfTest.reportText')}</p><pre><code>${report}</code></pre>
<div class="actions">${begin(visit)}<button type="button" class="quiet" data-copy="${report}" data-copied="${text('frame.copied')}" hidden>${text('frame.copy')}</button></div></article>`,
        ),
      )
    }),
  )
}
