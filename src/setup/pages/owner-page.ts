import { noteOf, setAnswer } from '../answers.ts'
import { writeAudit } from '../audit-log.ts'
import { keepLanguage, keepToken } from '../cookies.ts'
import { choices, form, input, type Problems } from '../fields.ts'
import { html } from '../html.ts'
import { errorPage, page } from '../layout.ts'
import { createOwner, ownerOf } from '../owners.ts'
import type { PageDeps } from '../page-deps.ts'
import { mostPassword, passwordVerdict } from '../password-strength.ts'
import { ownerNameNote } from '../provision.ts'
import { endOtherSessions, startOwnerSession } from '../sessions.ts'
import { isLanguage, translator } from '../texts.ts'
import type { SetupApp, Visit } from '../visit.ts'
import { stepList } from '../wizard.ts'

/** Name and password of the owner: with them the box is claimed, once and for good. */
export function ownerPage(app: SetupApp, deps: PageDeps): void {
  const { storage, clock, random, passwords } = deps
  const claims = ({ session }: Visit) => session !== undefined && session.owner === null && !ownerOf(storage.reader)

  function show(visit: Visit, problems: Problems = {}) {
    const { text, language, form: sent } = visit
    const chosen = sent.line('language') || language
    const fields = [
      choices({
        name: 'language',
        legend: text('owner.language'),
        type: 'radio',
        choices: [
          { value: 'de', label: text('owner.german'), checked: chosen === 'de' },
          { value: 'en', label: text('owner.english'), checked: chosen === 'en' },
        ],
      }),
      input({
        name: 'name',
        label: text('owner.name'),
        hint: text('owner.nameHint'),
        value: sent.line('name') || noteOf(storage.reader, ownerNameNote) || '',
        problem: problems.name,
        autocomplete: 'username',
        maxlength: 80,
      }),
      ...passwordFields(visit, problems),
    ]
    return page(visit, {
      title: text('owner.title'),
      before: stepList(visit, 'owner'),
      content: html`<article><h1>${text('owner.title')}</h1><p>${text('owner.intro')}</p>
${form(visit, { action: '/setup/owner', fields, button: text('frame.continue'), problems })}</article>
<p>${text('restore.offer')} <a href="/setup/restore">${text('restore.link')}</a></p>`,
    })
  }

  app.get('/setup/owner', (context) => {
    const visit = context.get('visit')
    return claims(visit) ? context.html(show(visit)) : context.redirect('/', 303)
  })

  app.post('/setup/owner', async (context) => {
    const visit = context.get('visit')
    if (!claims(visit)) return context.redirect('/', 303)
    const name = visit.form.line('name')
    const language = visit.form.line('language')
    const problems = {
      ...(name === '' && { name: visit.text('frame.required') }),
      ...(name.length > 80 && { name: visit.text('frame.tooLong') }),
      ...(await passwordProblems(visit, [name])),
    }
    if (Object.keys(problems).length > 0) return context.html(show(visit, problems), 422)
    const spoken = isLanguage(language) ? language : visit.language
    const passwordHash = await passwords.hash(visit.form.raw('password'))
    const now = clock.now()
    const token = await storage.write((tx) => {
      if (!createOwner(tx, { name, passwordHash, language: spoken }, now)) return undefined
      // Others who know the code are too late.
      if (visit.session) endOtherSessions(tx, { ...visit.session, tokenHash: '' })
      setAnswer(tx, 'language', spoken)
      writeAudit(tx, { at: now, who: name, act: 'claimed', subject: visit.network })
      return startOwnerSession(tx, random, name, now)
    })
    if (token === undefined) return context.html(errorPage(visit, translator(spoken)('owner.taken')), 409)
    await deps.whenClaimed()
    context.header('set-cookie', keepToken(token), { append: true })
    context.header('set-cookie', keepLanguage(spoken), { append: true })
    return context.redirect('/', 303)
  })
}

/** A new password, twice. */
export function passwordFields({ text }: Visit, problems: Problems) {
  return [
    input({
      name: 'password',
      label: text('owner.password'),
      hint: text('owner.passwordHint'),
      type: 'password',
      problem: problems.password,
      autocomplete: 'new-password',
      maxlength: mostPassword,
    }),
    input({
      name: 'password_again',
      label: text('owner.passwordAgain'),
      type: 'password',
      problem: problems.password_again,
      autocomplete: 'new-password',
      maxlength: mostPassword,
    }),
  ]
}

/** What is wrong with the new password that was sent. */
export async function passwordProblems({ form: sent, text }: Visit, words: readonly string[]): Promise<Problems> {
  const password = sent.raw('password')
  const verdict = await passwordVerdict(password, words)
  if (verdict) return { password: text(verdict.problem, { most: mostPassword }) }
  return password === sent.raw('password_again') ? {} : { password_again: text('owner.different') }
}
