import type { Reader } from '../storage/handles.ts'
import { type Answers, answersOf } from './answers.ts'
import { type Html, html } from './html.ts'
import { ownerOf } from './owners.ts'
import type { Visit } from './visit.ts'

/** The steps of the setup after the claim code, in order. */
export const steps = ['owner', 'practice', 'name', 'reach', 'backup', 'recovery', 'staff', 'ready'] as const
export type Step = (typeof steps)[number]

const answeredBy: Readonly<Record<Exclude<Step, 'owner'>, keyof Answers>> = {
  practice: 'practice',
  name: 'serverName',
  reach: 'reach',
  backup: 'backup',
  recovery: 'recovery',
  staff: 'staff',
  ready: 'ready',
}

export const stepPath = (step: Step) => `/setup/${step}`

/** The first step without an answer; undefined: the setup is done. */
export function nextStep(reader: Reader): Step | undefined {
  if (!ownerOf(reader)) return 'owner'
  const answers = answersOf(reader)
  return steps.find((step) => step !== 'owner' && answers[answeredBy[step]] === undefined)
}

/** Steps that may be gone back to: the others are for ever. */
const open: readonly Step[] = ['practice', 'reach', 'backup', 'recovery', 'staff']

function isStep(step: Step | 'claim'): step is Step {
  return step !== 'claim'
}

/** Where in the setup somebody is; steps behind are links where they can be changed. */
export function stepList({ text }: Visit, current: Step | 'claim'): Html {
  const all = ['claim', ...steps] as const
  const place = all.indexOf(current)
  const items = all.map((step, index) => {
    const label = text(`wizard.${step}`)
    if (index === place) return html`<li aria-current="step">${label}</li>`
    if (index > place) return html`<li class="ahead">${label}</li>`
    return html`<li class="done">${isStep(step) && open.includes(step) ? html`<a href="${stepPath(step)}">${label}</a>` : label}</li>`
  })
  return html`<ol class="steps" aria-label="${text('wizard.steps')}">${items}</ol>`
}
