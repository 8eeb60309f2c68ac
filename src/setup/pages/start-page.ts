import { answersOf } from '../answers.ts'
import { asOwner } from '../guard.ts'
import { type Html, html } from '../html.ts'
import { page } from '../layout.ts'
import type { PageDeps } from '../page-deps.ts'
import type { SetupApp } from '../visit.ts'

export interface Light {
  readonly colour: 'green' | 'yellow' | 'red'
  readonly name: string
  readonly sentence: string
  readonly action?: Html
}

/** All that the owner should know, at a glance. */
export function startPage(app: SetupApp, { storage, messenger }: PageDeps): void {
  app.get(
    '/start',
    asOwner((context, visit) => {
      const { text } = visit
      const answers = answersOf(storage.reader)
      const works: Light = messenger.running
        ? { colour: 'green', name: text('start.messages'), sentence: text('start.messagesWork') }
        : {
            colour: 'red',
            name: text('start.messages'),
            sentence: text('start.messagesStopped', { problem: messenger.problem ?? '' }),
          }
      return context.html(
        page(visit, {
          title: text('start.title'),
          practice: answers.practice?.name,
          section: 'start',
          content: html`<h1>${text('start.title')}</h1><ul class="lights">${[works].map(lightItem)}</ul>`,
        }),
      )
    }),
  )
}

function lightItem({ colour, name, sentence, action }: Light): Html {
  return html`<li class="light ${colour}"><span class="lamp" aria-hidden="true"></span><div><h2>${name}</h2><p>${sentence}</p>${action ?? ''}</div></li>`
}
