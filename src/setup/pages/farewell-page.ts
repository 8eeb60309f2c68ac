import { answerOf } from '../answers.ts'
import { type Html, html } from '../html.ts'
import { page } from '../layout.ts'
import type { PageDeps } from '../page-deps.ts'
import type { Farewell } from '../staff/farewell.ts'
import { findPerson, type Person } from '../staff/staff-store.ts'
import { timeText } from '../texts.ts'
import type { Visit } from '../visit.ts'

/** The protocol of how somebody left, to print. */
export function farewellPage(visit: Visit, { storage }: PageDeps, person: Person, farewell: Farewell): Html {
  const { text, language } = visit
  const title = text('farewell.title', { name: person.name })
  const deputy =
    farewell.deputy === null ? text('person.noDeputy') : (findPerson(storage.reader, farewell.deputy)?.name ?? farewell.deputy)
  const devices = farewell.devices.map(
    ({ name, deviceId, lastSeen }) =>
      html`<li>${name ?? text('person.deviceUnnamed')} (<code>${deviceId}</code>), ${text('person.lastSeen', { time: timeText(language, lastSeen) })}</li>`,
  )
  const rooms = farewell.rooms.map(
    ({ name, administration }) =>
      html`<tr><td>${name ?? text('farewell.unnamed')}</td><td>${text(`farewell.${administration}`)}</td></tr>`,
  )
  return page(visit, {
    title,
    practice: answerOf(storage.reader, 'practice')?.name,
    section: 'staff',
    content: html`<article><h1>${title}</h1>
<dl><dt>${text('person.address')}</dt><dd><code>${person.userId}</code></dd>
<dt>${text('staff.role')}</dt><dd>${text(`role.${person.role}`)}</dd>
<dt>${text('person.since')}</dt><dd>${timeText(language, person.addedAt)}</dd>
<dt>${text('farewell.when')}</dt><dd>${timeText(language, farewell.at)}</dd>
<dt>${text('farewell.by')}</dt><dd>${farewell.by}</dd>
<dt>${text('farewell.deputy')}</dt><dd>${deputy}</dd></dl>
<h2>${text('farewell.devices')}</h2>${devices.length > 0 ? html`<ul>${devices}</ul>` : html`<p>${text('farewell.noRooms')}</p>`}
<h2>${text('farewell.rooms')}</h2>${
      rooms.length > 0
        ? html`<div class="scroll"><table><thead><tr><th scope="col">${text('farewell.room')}</th><th scope="col">${text('farewell.running')}</th></tr></thead><tbody>${rooms}</tbody></table></div>`
        : html`<p>${text('farewell.noRooms')}</p>`
    }
<div class="actions"><button type="button" data-print hidden>${text('frame.print')}</button></div></article>`,
  })
}
