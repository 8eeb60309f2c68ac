import { localpartOf, type UserId } from '../../matrix/identifiers.ts'
import { answerOf } from '../answers.ts'
import { form, type Problems } from '../fields.ts'
import { type Html, html } from '../html.ts'
import { page } from '../layout.ts'
import type { PageDeps } from '../page-deps.ts'
import { readLink } from '../staff/links.ts'
import { findPerson } from '../staff/staff-store.ts'
import type { SetupApp, Visit } from '../visit.ts'
import { passwordFields, passwordProblems } from './owner-page.ts'

/** Where somebody who was invited begins. Looking at it uses nothing up, for programs look at links before people do. */
export function welcomePage(app: SetupApp, deps: PageDeps): void {
  const { storage, clock, staff, messenger } = deps
  const practice = () => answerOf(storage.reader, 'practice')?.name ?? ''

  function ask(visit: Visit, link: string, userId: UserId, problems: Problems = {}): Html {
    const { text } = visit
    const title = text('welcome.title', { name: findPerson(storage.reader, userId)?.name ?? localpartOf(userId) })
    return page(visit, {
      title,
      practice: practice(),
      content: html`<article><h1>${title}</h1><p>${text('welcome.intro', { practice: practice() })}</p>
${form(visit, { action: `/welcome/${link}`, fields: passwordFields(visit, problems), button: text('welcome.button'), problems })}</article>`,
    })
  }

  function voided(visit: Visit): Html {
    const { text } = visit
    return page(visit, {
      title: text('welcome.void'),
      content: html`<article><h1>${text('welcome.void')}</h1><p>${text('staff.refusedLink')}</p></article>`,
    })
  }

  function done(visit: Visit, userId: UserId): Html {
    const { text } = visit
    const running = messenger.running
    const server = running?.publicUrl ? running.serverName : (deps.clientUrls()[0] ?? running?.serverName ?? '')
    const copy = (value: string) =>
      html`<p><code>${value}</code> <button type="button" class="quiet small" data-copy="${value}" data-copied="${text('frame.copied')}" hidden>${text('frame.copy')}</button></p>`
    return page(visit, {
      title: text('welcome.doneTitle'),
      practice: practice(),
      content: html`<article><h1>${text('welcome.doneTitle')}</h1><p class="notice" role="status">${text('welcome.doneIntro')}</p>
<h2>${text('welcome.app')}</h2><p>${text('welcome.appText')}</p>
<h2>${text('welcome.server')}</h2><p>${text('welcome.serverText')}</p>${copy(server)}
<h2>${text('welcome.signIn')}</h2><p>${text('welcome.signInText')}</p>${copy(localpartOf(userId))}</article>`,
    })
  }

  app.get('/welcome/:link', (context) => {
    const visit = context.get('visit')
    const userId = readLink(storage.reader, context.req.param('link'), clock.now())
    return userId === 'void' ? context.html(voided(visit), 410) : context.html(ask(visit, context.req.param('link'), userId))
  })

  app.post('/welcome/:link', async (context) => {
    const visit = context.get('visit')
    const link = context.req.param('link')
    const userId = readLink(storage.reader, link, clock.now())
    if (userId === 'void') return context.html(voided(visit), 410)
    const words = [localpartOf(userId), findPerson(storage.reader, userId)?.name ?? '', practice()]
    const problems = await passwordProblems(visit, words)
    if (Object.keys(problems).length > 0) return context.html(ask(visit, link, userId, problems), 422)
    const enrolled = await staff.enrol(link, visit.form.raw('password'))
    return 'refused' in enrolled ? context.html(voided(visit), 410) : context.html(done(visit, enrolled.userId))
  })
}
