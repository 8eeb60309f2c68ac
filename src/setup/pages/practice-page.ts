import { answerOf, setAnswer } from '../answers.ts'
import { writeAudit } from '../audit-log.ts'
import { choices, form, input, type Problems } from '../fields.ts'
import { asOwner } from '../guard.ts'
import { html } from '../html.ts'
import { page } from '../layout.ts'
import type { PageDeps } from '../page-deps.ts'
import type { SetupApp, Visit } from '../visit.ts'
import { stepList } from '../wizard.ts'

/** Name of the practice and the mode. */
export function practicePage(app: SetupApp, { storage, clock }: PageDeps): void {
  function show(visit: Visit, problems: Problems = {}) {
    const { text } = visit
    const known = answerOf(storage.reader, 'practice')
    const fields = [
      input({
        name: 'practice',
        label: text('practice.name'),
        hint: text('practice.nameHint'),
        value: visit.form.line('practice') || known?.name || '',
        problem: problems.practice,
        autocomplete: 'organization',
        maxlength: 80,
      }),
      choices({
        name: 'mode',
        legend: text('practice.mode'),
        type: 'radio',
        choices: [
          { value: 'open', label: text('practice.open'), hint: text('practice.openHint'), checked: true },
          { value: 'ti-messenger', label: text('practice.tim'), hint: text('practice.timHint'), disabled: true },
        ],
      }),
    ]
    return page(visit, {
      title: text('practice.title'),
      before: stepList(visit, 'practice'),
      content: html`<article><h1>${text('practice.title')}</h1>
${form(visit, { action: '/setup/practice', fields, button: text('frame.continue'), problems })}</article>`,
    })
  }

  app.get(
    '/setup/practice',
    asOwner((context, visit) => context.html(show(visit))),
  )

  app.post(
    '/setup/practice',
    asOwner(async (context, visit, owner) => {
      const name = visit.form.line('practice')
      if (name === '') return context.html(show(visit, { practice: visit.text('frame.required') }), 422)
      if (name.length > 80) return context.html(show(visit, { practice: visit.text('frame.tooLong') }), 422)
      await storage.write((tx) => {
        setAnswer(tx, 'practice', { name, mode: 'open' })
        writeAudit(tx, { at: clock.now(), who: owner, act: 'practice-set', subject: name })
      })
      return context.redirect('/', 303)
    }),
  )
}
