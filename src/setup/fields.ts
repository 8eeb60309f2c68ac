import { type Html, html, nothing } from './html.ts'
import { tokenField } from './layout.ts'
import type { Visit } from './visit.ts'

/** Problems by field; a form without any is carried out. */
export type Problems = Readonly<Record<string, string>>

interface FieldParts {
  readonly name: string
  readonly label: string
  readonly hint?: string
  readonly problem?: string | undefined
}

interface InputParts extends FieldParts {
  readonly type?: 'text' | 'password' | 'url'
  readonly value?: string
  readonly autocomplete?: string
  readonly inputmode?: 'text' | 'url' | 'numeric'
  readonly maxlength?: number
  readonly optional?: boolean
  readonly autofocus?: boolean
  /** Code, names of servers: nothing that a dictionary should correct. */
  readonly verbatim?: boolean
}

/** A field with its label, its hint and what is wrong with it, tied together for screen readers. */
export function input(parts: InputParts): Html {
  const { name, problem } = parts
  const id = `field-${name}`
  const described = describedBy(parts)
  return html`<div class="field"><label for="${id}">${parts.label}</label>
<input id="${id}" name="${name}" type="${parts.type ?? 'text'}" value="${parts.value ?? ''}" maxlength="${parts.maxlength ?? 256}" autocomplete="${parts.autocomplete ?? 'off'}"
${parts.inputmode ? html` inputmode="${parts.inputmode}"` : nothing}${parts.optional ? nothing : html` required`}${parts.autofocus ? html` autofocus` : nothing}
${parts.verbatim ? html` autocapitalize="none" autocorrect="off" spellcheck="false"` : nothing}
${problem === undefined ? nothing : html` aria-invalid="true"`}${described ? html` aria-describedby="${described}"` : nothing}>
${notes(parts)}</div>`
}

interface SelectParts extends FieldParts {
  /** Where a page has several of the same name. */
  readonly id?: string
  readonly value?: string
  readonly options: readonly { readonly value: string; readonly label: string }[]
}

export function select(parts: SelectParts): Html {
  const id = `field-${parts.id ?? parts.name}`
  const described = describedBy(parts)
  const options = parts.options.map(({ value, label }) =>
    value === parts.value
      ? html`<option value="${value}" selected>${label}</option>`
      : html`<option value="${value}">${label}</option>`,
  )
  return html`<div class="field"><label for="${id}">${parts.label}</label>
<select id="${id}" name="${parts.name}" required${described ? html` aria-describedby="${described}"` : nothing}>${options}</select>
${notes(parts)}</div>`
}

export interface Choice {
  readonly value: string
  readonly label: string
  readonly hint?: string
  readonly disabled?: boolean
  readonly checked?: boolean
}

interface ChoicesParts {
  readonly name: string
  readonly legend: string
  readonly type: 'radio' | 'checkbox'
  readonly choices: readonly Choice[]
  readonly problem?: string | undefined
}

/** One of several, or any of several. */
export function choices({ name, legend, type, choices: all, problem }: ChoicesParts): Html {
  const problemId = `problem-${name}`
  const items = all.map(({ value, label, hint, disabled, checked }) => {
    const id = `field-${name}-${value}`
    return html`<div class="choice"><input type="${type}" id="${id}" name="${name}" value="${value}"${checked ? html` checked` : nothing}${disabled ? html` disabled` : nothing}${hint ? html` aria-describedby="${id}-hint"` : nothing}>
<label for="${id}">${label}</label>${hint ? html`<small id="${id}-hint">${hint}</small>` : nothing}</div>`
  })
  return html`<fieldset${problem === undefined ? nothing : html` aria-describedby="${problemId}"`}><legend>${legend}</legend>${items}
${problem === undefined ? nothing : html`<small class="problem" id="${problemId}">${problem}</small>`}</fieldset>`
}

/** A box to tick. */
export function tick({ name, label, problem, checked }: FieldParts & { readonly checked?: boolean }): Html {
  const id = `field-${name}`
  return html`<div class="choice"><input type="checkbox" id="${id}" name="${name}" value="yes"${checked ? html` checked` : nothing}
${problem === undefined ? nothing : html` aria-invalid="true" aria-describedby="${id}-problem"`}><label for="${id}">${label}</label>
${problem === undefined ? nothing : html`<small class="problem" id="${id}-problem">${problem}</small>`}</div>`
}

function describedBy({ name, hint, problem }: FieldParts): string {
  return [hint && `field-${name}-hint`, problem && `field-${name}-problem`].filter(Boolean).join(' ')
}

function notes({ name, hint, problem }: FieldParts): Html {
  return html`${hint ? html`<small id="field-${name}-hint">${hint}</small>` : nothing}${
    problem ? html`<small class="problem" id="field-${name}-problem">${problem}</small>` : nothing
  }`
}

interface FormParts {
  readonly action: string
  readonly fields: Html | readonly Html[]
  readonly button: string
  readonly problems?: Problems
  /** Beside the button. */
  readonly more?: Html
  /** The act cannot be undone. */
  readonly grave?: boolean
}

/** A form that works without scripts; problems are named first, where a screen reader begins. */
export function form(visit: Visit, parts: FormParts): Html {
  const problems = Object.values(parts.problems ?? {})
  const list = problems.map((problem) => html`<li>${problem}</li>`)
  return html`${
    problems.length === 0
      ? nothing
      : html`<div class="alert" role="alert"><strong>${visit.text('frame.problems')}</strong><ul>${list}</ul></div>`
  }
<form method="post" action="${parts.action}">${tokenField(visit.formToken)}${parts.fields}
<div class="actions"><button type="submit"${parts.grave ? html` class="grave"` : nothing}>${parts.button}</button>${parts.more ?? nothing}</div></form>`
}
