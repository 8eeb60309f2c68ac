import { devicesOf } from '../../accounts/store.ts'
import { answerOf } from '../answers.ts'
import { confirmationField, isConfirmedNow } from '../confirmation.ts'
import { form, type Problems, select } from '../fields.ts'
import { asOwner } from '../guard.ts'
import { type Html, html } from '../html.ts'
import { errorPage, page, tokenField } from '../layout.ts'
import type { PageDeps } from '../page-deps.ts'
import { allStaff, findPerson, type Person } from '../staff/staff-store.ts'
import { timeText } from '../texts.ts'
import type { SetupApp, Visit } from '../visit.ts'
import { farewellPage } from './farewell-page.ts'
import { invitationPage } from './invitation.ts'
import { personFields, readPerson } from './person-fields.ts'

/** One person of the practice: devices, invitation, leaving. */
export function personPage(app: SetupApp, deps: PageDeps): void {
  const { storage, staff } = deps
  const pathOf = ({ userId }: Person) => `/staff/${encodeURIComponent(userId)}`

  function devicesPart(visit: Visit, person: Person): Html {
    const { text, language } = visit
    const items = devicesOf(storage.reader, person.userId).map(({ deviceId, displayName, lastSeenTs }) => {
      const name = displayName ?? text('person.deviceUnnamed')
      return html`<li><div class="who"><strong>${name}</strong><small>${text('person.lastSeen', { time: timeText(language, lastSeenTs) })}</small></div>
<form method="post" action="${pathOf(person)}/end-device">${tokenField(visit.formToken)}<input type="hidden" name="device" value="${deviceId}">
<button type="submit" class="quiet small" aria-label="${text('person.endDeviceLabel', { device: name })}">${text('person.endDevice')}</button></form></li>`
    })
    return items.length > 0 ? html`<ul class="people">${items}</ul>` : html`<p>${text('person.noDevices')}</p>`
  }

  function leavePart(visit: Visit, person: Person, problem?: string): Html {
    const { text } = visit
    const others = allStaff(storage.reader).filter(({ userId, leftAt }) => leftAt === null && userId !== person.userId)
    const fields = [
      select({
        name: 'deputy',
        label: text('person.deputy'),
        options: [
          ...others.map(({ userId, name }) => ({ value: userId, label: name })),
          { value: '-', label: text('person.noDeputy') },
        ],
      }),
      confirmationField(deps, visit, problem),
    ]
    const problems = problem === undefined ? {} : { password: problem }
    return form(visit, { action: `${pathOf(person)}/leave`, fields, button: text('person.leaveButton'), problems, grave: true })
  }

  function show(visit: Visit, person: Person, problems: Problems = {}): Html {
    const { text, language } = visit
    const link = form(visit, { action: `${pathOf(person)}/link`, fields: [], button: text('person.linkButton') })
    const change = form(visit, {
      action: pathOf(person),
      fields: personFields(visit, problems, person),
      button: text('frame.save'),
      problems: problems.leave === undefined ? problems : {},
    })
    return page(visit, {
      title: person.name,
      practice: answerOf(storage.reader, 'practice')?.name,
      section: 'staff',
      content: html`<h1>${person.name}</h1>
<article><dl><dt>${text('person.address')}</dt><dd><code>${person.userId}</code></dd>
<dt>${text('person.since')}</dt><dd>${timeText(language, person.addedAt)}</dd></dl></article>
<article><h2>${text('person.devices')}</h2>${devicesPart(visit, person)}</article>
<article><h2>${text('person.change')}</h2>${change}</article>
<article><h2>${text('person.link')}</h2><p>${text('person.linkText')}</p>${link}</article>
<article><h2>${text('person.leave')}</h2><p>${text('person.leaveText')}</p>${leavePart(visit, person, problems.leave)}</article>`,
    })
  }

  /** The person that the address names; everything else is answered here. */
  const withPerson = (act: (visit: Visit, person: Person, owner: string) => Html | 'done' | Promise<Html | 'done'>) =>
    asOwner(async (context, visit, owner) => {
      const person = findPerson(storage.reader, context.req.param('person') ?? '')
      if (!person) return context.html(errorPage(visit, visit.text('staff.refusedUnknown')), 404)
      const answer = await act(visit, person, owner)
      if (answer === 'done') return context.redirect(pathOf(person), 303)
      return context.html(answer, context.req.method === 'GET' ? 200 : 422)
    })

  app.get(
    '/staff/:person',
    withPerson((visit, person) => (person.farewell ? farewellPage(visit, deps, person, person.farewell) : show(visit, person))),
  )

  app.post(
    '/staff/:person',
    withPerson(async (visit, person, owner): Promise<Html | 'done'> => {
      const read = readPerson(visit)
      if ('problems' in read) return show(visit, person, read.problems)
      const changed = await staff.change(person.userId, read, owner)
      return 'refused' in changed ? show(visit, person, { name: visit.text(changed.refused) }) : 'done'
    }),
  )

  app.post(
    '/staff/:person/link',
    asOwner(async (context, visit, owner) => {
      const person = findPerson(storage.reader, context.req.param('person') ?? '')
      const renewed = person && (await staff.renewLink(person.userId, owner))
      if (!renewed || 'refused' in renewed)
        return context.html(errorPage(visit, visit.text(renewed?.refused ?? 'staff.refusedUnknown')), 404)
      return context.html(await invitationPage(visit, deps, { ...person, ...renewed }))
    }),
  )

  app.post(
    '/staff/:person/end-device',
    withPerson(async (visit, person, owner): Promise<Html | 'done'> => {
      await staff.endDevice(person.userId, visit.form.line('device'), owner)
      return 'done'
    }),
  )

  app.post(
    '/staff/:person/leave',
    withPerson(async (visit, person, owner): Promise<Html | 'done'> => {
      if (!(await isConfirmedNow(deps, visit))) return show(visit, person, { leave: visit.text('person.wrongPassword') })
      const deputy = visit.form.line('deputy')
      const left = await staff.leave(person.userId, deputy === '-' ? undefined : deputy, owner)
      return 'refused' in left ? show(visit, person, { leave: visit.text(left.refused) }) : 'done'
    }),
  )
}
