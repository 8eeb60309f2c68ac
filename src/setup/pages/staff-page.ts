import { devicesOf } from '../../accounts/store.ts'
import { localpartOf, type UserId } from '../../matrix/identifiers.ts'
import { profileOf } from '../../profiles/store.ts'
import { answerOf, setAnswer } from '../answers.ts'
import { form, input, type Problems, select } from '../fields.ts'
import { asOwner } from '../guard.ts'
import { type Html, html, nothing } from '../html.ts'
import { page, tokenField } from '../layout.ts'
import { ownerOf } from '../owners.ts'
import type { PageDeps } from '../page-deps.ts'
import { linkStateOf } from '../staff/links.ts'
import { guardOrphan, type LonelyRoom, lonelyRooms } from '../staff/orphans.ts'
import { otherAccounts } from '../staff/other-accounts.ts'
import { isRole, roles } from '../staff/roles.ts'
import { allStaff, findPerson, type Person } from '../staff/staff-store.ts'
import { timeText } from '../texts.ts'
import type { SetupApp, Visit } from '../visit.ts'
import { nextStep, stepList } from '../wizard.ts'
import { invitationPage } from './invitation.ts'
import { personFields, readPerson } from './person-fields.ts'

/** Accounts outside the staff that are shown. */
const maxOthers = 100

/** The people of the practice, and adding to them. */
export function staffPage(app: SetupApp, deps: PageDeps): void {
  const { storage, clock, staff } = deps

  function personItem(visit: Visit, person: Person): Html {
    const { text, language } = visit
    const devices = devicesOf(storage.reader, person.userId).length
    const link = linkStateOf(storage.reader, person.userId, clock.now())
    const state =
      person.leftAt !== null
        ? text('staff.goneSince', { date: timeText(language, person.leftAt) })
        : devices > 0
          ? devices === 1
            ? text('staff.deviceOne')
            : text('staff.devicesCount', { count: devices })
          : link === 'waiting'
            ? text('staff.linkWaiting')
            : link === 'expired'
              ? text('staff.linkExpired')
              : text('person.noDevices')
    return html`<li><div class="who"><a href="/staff/${encodeURIComponent(person.userId)}"><strong>${person.name}</strong></a><small>${person.userId}</small></div>
<span class="tag">${text(`role.${person.role}`)}</span><small>${state}</small></li>`
  }

  function lonelyItem(visit: Visit, { view, administrator, candidates }: LonelyRoom): Html {
    const { text } = visit
    const room = view.name ?? text('farewell.unnamed')
    const nameOf = (userId: string) => findPerson(storage.reader, userId)?.name ?? userId
    const choice = form(visit, {
      action: '/staff/second',
      fields: [
        html`<input type="hidden" name="room" value="${view.room.roomId}">`,
        select({
          name: 'second',
          id: `second-${view.room.roomId}`,
          label: text('orphans.second', { room }),
          options: candidates.map((userId) => ({ value: userId, label: nameOf(userId) })),
        }),
      ],
      button: text('orphans.button'),
    })
    return html`<li><div class="who"><strong>${room}</strong><small>${text('orphans.only', { name: nameOf(administrator) })}</small></div>
${candidates.length > 0 ? choice : html`<small>${text('orphans.nobody')}</small>`}</li>`
  }

  function otherItem(visit: Visit, { userId }: { readonly userId: UserId }): Html {
    const { text } = visit
    const name = profileOf(storage.reader, userId).displayname ?? localpartOf(userId)
    const fields = [
      html`<input type="hidden" name="user" value="${userId}"><input type="hidden" name="name" value="${name}">`,
      select({
        name: 'role',
        label: text('staff.adoptRole', { name }),
        id: `role-${userId}`,
        value: 'assistant',
        options: roles.map((role) => ({ value: role, label: text(`role.${role}`) })),
      }),
    ]
    return html`<li><div class="who"><strong>${name}</strong><small>${userId}</small></div>
${form(visit, { action: '/staff/adopt', fields, button: text('staff.adopt') })}</li>`
  }

  function addForm(visit: Visit, problems: Problems, suggested?: string): Html {
    const { text } = visit
    const [name, role, rooms] = personFields(
      visit,
      problems,
      suggested === undefined ? {} : { name: suggested, role: 'management' },
    )
    const userName = input({
      name: 'user_name',
      label: text('staff.userName'),
      hint: text('staff.userNameHint'),
      value: visit.form.line('user_name'),
      problem: problems.user_name,
      optional: true,
      maxlength: 60,
      verbatim: true,
    })
    const fields = html`<div class="row">${name}${role}</div>${rooms}${userName}`
    return form(visit, { action: '/staff', fields, button: text('staff.addButton'), problems })
  }

  function show(visit: Visit, problems: Problems = {}): Html {
    const { text } = visit
    const people = allStaff(storage.reader)
    const [here, gone] = [people.filter(({ leftAt }) => leftAt === null), people.filter(({ leftAt }) => leftAt !== null)]
    const list = here.map((person) => personItem(visit, person))
    if (nextStep(storage.reader) !== undefined) {
      const owner = here.length === 0 ? ownerOf(storage.reader)?.name : undefined
      return page(visit, {
        title: text('staff.first'),
        before: stepList(visit, 'staff'),
        content: html`<article><h1>${text('staff.first')}</h1><p>${text('staff.firstIntro')}</p>
${here.length > 0 ? html`<ul class="people">${list}</ul>` : nothing}</article>
<article><h2>${text('staff.add')}</h2>${addForm(visit, problems, owner)}</article>
<form method="post" action="/setup/staff">${tokenField(visit.formToken)}<button type="submit" class="${here.length > 0 ? '' : 'quiet'}">${text('staff.later')}</button></form>`,
      })
    }
    const lonely = lonelyRooms(storage.reader)
    const others = otherAccounts(storage.reader)
    return page(visit, {
      title: text('staff.title'),
      practice: answerOf(storage.reader, 'practice')?.name,
      section: 'staff',
      content: html`<h1>${text('staff.title')}</h1>
<article>${here.length > 0 ? html`<ul class="people">${list}</ul>` : html`<p>${text('staff.none')}</p>`}</article>
${
  lonely.length === 0
    ? nothing
    : html`<article><h2>${text('orphans.title')}</h2><p>${text('orphans.intro')}</p><ul class="people">${lonely.map((room) => lonelyItem(visit, room))}</ul></article>`
}
<article><h2>${text('staff.add')}</h2>${addForm(visit, problems)}</article>
${
  others.length === 0
    ? nothing
    : html`<article><h2>${text('staff.others')}</h2><p>${text('staff.othersIntro')}</p><ul class="people">${others.slice(0, maxOthers).map((account) => otherItem(visit, account))}</ul></article>`
}
${
  gone.length === 0
    ? nothing
    : html`<article><h2>${text('staff.gone')}</h2><ul class="people">${gone.map((person) => personItem(visit, person))}</ul></article>`
}`,
    })
  }

  app.get(
    '/staff',
    asOwner((context, visit) => context.html(show(visit))),
  )
  app.get(
    '/setup/staff',
    asOwner((context, visit) => context.html(show(visit))),
  )

  app.post(
    '/staff',
    asOwner(async (context, visit, owner) => {
      const read = readPerson(visit)
      if ('problems' in read) return context.html(show(visit, read.problems), 422)
      const added = await staff.add({ ...read, userName: visit.form.line('user_name') }, owner)
      if ('refused' in added) return context.html(show(visit, { user_name: visit.text(added.refused) }), 422)
      return context.html(await invitationPage(visit, deps, { ...added, name: read.name }))
    }),
  )

  app.post(
    '/staff/adopt',
    asOwner(async (context, visit, owner) => {
      const role = visit.form.line('role')
      const name = visit.form.line('name').slice(0, 80)
      if (isRole(role) && name !== '') await staff.adopt(visit.form.line('user'), { name, role }, owner)
      return context.redirect('/staff', 303)
    }),
  )

  app.post(
    '/setup/staff',
    asOwner(async (context) => {
      await storage.write((tx) => setAnswer(tx, 'staff', 'done'))
      return context.redirect('/', 303)
    }),
  )

  app.post(
    '/staff/second',
    asOwner(async (context, visit, owner) => {
      await guardOrphan(deps, visit.form.line('room'), visit.form.line('second'), owner)
      return context.redirect('/staff', 303)
    }),
  )
}
