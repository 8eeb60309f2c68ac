import { answersOf, setAnswer } from '../answers.ts'
import { form } from '../fields.ts'
import { asOwner } from '../guard.ts'
import { html } from '../html.ts'
import { page } from '../layout.ts'
import type { PageDeps } from '../page-deps.ts'
import type { SetupApp } from '../visit.ts'
import { nextStep, stepList } from '../wizard.ts'

/** The end of the setup. */
export function readyPage(app: SetupApp, { storage }: PageDeps): void {
  app.get(
    '/setup/ready',
    asOwner((context, visit, owner) => {
      if (nextStep(storage.reader) !== 'ready') return context.redirect('/', 303)
      const { text } = visit
      const answers = answersOf(storage.reader)
      return context.html(
        page(visit, {
          title: text('ready.title'),
          before: stepList(visit, 'ready'),
          content: html`<article><h1>${text('ready.title')}</h1><p>${text('ready.intro')}</p>
<dl><dt>${text('ready.practice')}</dt><dd>${answers.practice?.name}</dd>
<dt>${text('ready.address')}</dt><dd><code>${answers.serverName}</code></dd>
<dt>${text('ready.owner')}</dt><dd>${owner}</dd></dl>
${form(visit, { action: '/setup/ready', fields: [], button: text('ready.finish') })}</article>`,
        }),
      )
    }),
  )

  app.post(
    '/setup/ready',
    asOwner(async (context) => {
      await storage.write((tx) => {
        if (nextStep(tx) === 'ready') setAnswer(tx, 'ready', true)
      })
      return context.redirect('/', 303)
    }),
  )
}
