import { streamSSE } from 'hono/streaming'
import { answerOf } from '../answers.ts'
import { asOwner } from '../guard.ts'
import { type Html, html, nothing } from '../html.ts'
import { page } from '../layout.ts'
import { type Light, lightsOf } from '../lights.ts'
import type { PageDeps } from '../page-deps.ts'
import { type Translate, timeText } from '../texts.ts'
import type { SetupApp } from '../visit.ts'

/** How often the lights are looked at for a page that is open. */
const interval = 15_000
/** A page that is open for longer asks again. */
const maxRounds = 120

/** All that the owner should know, at a glance. */
export function startPage(app: SetupApp, { storage, clock, timers, messenger, closing }: PageDeps): void {
  app.get(
    '/start',
    asOwner(async (context, visit) => {
      const { text, language } = visit
      const lights = await lightsOf(storage.reader, messenger, visit)
      return context.html(
        page(visit, {
          title: text('start.title'),
          practice: answerOf(storage.reader, 'practice')?.name,
          section: 'start',
          content: html`${headline(text, lights)}<ul class="lights" data-live="/start/lights">${lights.map((light) => lightItem(text, light))}</ul>
<p><small>${text('start.checked', { time: timeText(language, clock.now()) })}</small></p>`,
        }),
      )
    }),
  )

  // Only an enhancement: the page shows the same without it.
  app.get(
    '/start/lights',
    asOwner((context, visit) =>
      streamSSE(context, async (stream) => {
        for (let round = 0; round < maxRounds && !stream.aborted && !closing.aborted; round += 1) {
          const lights = await lightsOf(storage.reader, messenger, visit)
          const all = await html`${lights.map((light) => lightItem(visit.text, light))}`
          await stream.writeSSE({ event: 'lights', data: String(all).replaceAll('\n', ' ') })
          await new Promise<void>((resolve) => {
            const end = () => {
              cancel()
              closing.removeEventListener('abort', end)
              resolve()
            }
            const cancel = timers.after(interval, end)
            closing.addEventListener('abort', end)
            stream.onAbort(end)
          })
        }
      }),
    ),
  )
}

function headline(text: Translate, lights: readonly Light[]): Html {
  const red = lights.some(({ colour }) => colour === 'red')
  const yellow = lights.some(({ colour }) => colour === 'yellow')
  return html`<h1>${text(red ? 'start.bad' : yellow ? 'start.look' : 'start.allWell')}</h1>`
}

const spoken = { green: 'light.good', yellow: 'light.warn', red: 'light.bad', grey: 'light.off' } as const

function lightItem(text: Translate, { colour, name, sentence, action }: Light): Html {
  return html`<li class="light ${colour}"><span class="lamp" aria-hidden="true"></span><div><h2><span class="spoken">${text(spoken[colour])} </span>${name}</h2><p>${sentence}</p>${
    action ? html`<p class="action"><a href="${action.path}">${action.label}</a></p>` : nothing
  }</div></li>`
}
