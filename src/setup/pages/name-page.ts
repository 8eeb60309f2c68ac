import { answerOf, setAnswer } from '../answers.ts'
import { writeAudit } from '../audit-log.ts'
import { form, input, type Problems, tick } from '../fields.ts'
import { asOwner } from '../guard.ts'
import { html } from '../html.ts'
import { errorPage, page } from '../layout.ts'
import type { PageDeps } from '../page-deps.ts'
import { readServerName } from '../server-name.ts'
import type { SetupApp, Visit } from '../visit.ts'
import { stepList } from '../wizard.ts'

/** The server's name, which is for ever. With it the messenger starts. */
export function namePage(app: SetupApp, { storage, clock, messenger, resolver }: PageDeps): void {
  function show(visit: Visit, problems: Problems = {}) {
    const { text, form: sent } = visit
    const fields = [
      input({
        name: 'server_name',
        label: text('name.name'),
        hint: text('name.nameHint'),
        value: sent.line('server_name'),
        problem: problems.server_name,
        inputmode: 'url',
        maxlength: 230,
        verbatim: true,
      }),
      input({
        name: 'server_name_again',
        label: text('name.again'),
        value: problems.unknown === undefined ? '' : sent.line('server_name_again'),
        problem: problems.server_name_again,
        inputmode: 'url',
        maxlength: 230,
        verbatim: true,
      }),
      ...(problems.unknown === undefined
        ? []
        : [tick({ name: 'unknown', label: text('name.unknownAnyway'), problem: problems.unknown })]),
      tick({
        name: 'understood',
        label: text('name.understood'),
        problem: problems.understood,
        checked: sent.raw('understood') === 'yes',
      }),
    ]
    const example = text('name.example', { person: 'anna', name: 'praxis-sommer.de' })
    return page(visit, {
      title: text('name.title'),
      before: stepList(visit, 'name'),
      content: html`<article><h1>${text('name.title')}</h1><p>${text('name.intro')}</p>
<p class="example"><code>${'@anna:praxis-sommer.de'}</code> <span>${example}</span></p>
<p>${text('name.advice')}</p><p class="alert">${text('name.permanent')}</p>
${form(visit, { action: '/setup/name', fields, button: text('frame.continue'), problems })}</article>`,
    })
  }

  /** Whether the domain name system knows the name; undefined: nobody answered. */
  async function isKnown(name: string): Promise<boolean | undefined> {
    try {
      return (await resolver.addresses(name)).length > 0
    } catch {
      // Without a way out nobody can say; the practice may still be waiting for its line.
      return undefined
    }
  }

  function problemsOf({ form: sent, text }: Visit): Problems {
    const name = readServerName(sent.line('server_name'))
    const problems: Record<string, string> = {}
    if (name === undefined) problems.server_name = text('name.malformed')
    else if (readServerName(sent.line('server_name_again')) !== name) problems.server_name_again = text('name.different')
    if (sent.raw('understood') !== 'yes') problems.understood = text('name.notUnderstood')
    return problems
  }

  app.get(
    '/setup/name',
    asOwner((context, visit) =>
      answerOf(storage.reader, 'serverName') === undefined ? context.html(show(visit)) : context.redirect('/', 303),
    ),
  )

  app.post(
    '/setup/name',
    asOwner(async (context, visit, owner) => {
      const problems = problemsOf(visit)
      if (Object.keys(problems).length > 0) return context.html(show(visit, problems), 422)
      const name = readServerName(visit.form.line('server_name')) ?? ''
      if (visit.form.raw('unknown') !== 'yes' && (await isKnown(name)) === false)
        return context.html(show(visit, { unknown: visit.text('name.unknown', { name }) }), 422)
      await storage.write((tx) => {
        // Whoever is second finds it answered.
        if (answerOf(tx, 'serverName') !== undefined) return
        setAnswer(tx, 'serverName', name)
        writeAudit(tx, { at: clock.now(), who: owner, act: 'server-named', subject: name })
      })
      await messenger.start()
      if (messenger.problem === undefined) return context.redirect('/', 303)
      return context.html(errorPage(visit, visit.text('name.notStarted', { problem: messenger.problem })), 503)
    }),
  )
}
