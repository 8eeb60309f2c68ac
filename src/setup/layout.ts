import { assetPath } from './assets.ts'
import { type Html, html, nothing } from './html.ts'
import type { TextKey } from './texts.ts'
import type { Visit } from './visit.ts'

/** What the frame of a page needs of a visit. */
type Talk = Pick<Visit, 'language' | 'text'>

export interface PageParts {
  readonly title: string
  readonly content: Html
  /** Shown beside the product's name. */
  readonly practice?: string | undefined
  /** The section of the console that this page belongs to; undefined: no navigation. */
  readonly section?: Section | undefined
  /** Before the content, such as the steps of the setup. */
  readonly before?: Html
}

export const sections = { start: '/start', staff: '/staff', backup: '/backup', log: '/log', settings: '/settings' } as const
export type Section = keyof typeof sections
const sectionKeys = Object.keys(sections) as Section[]

/** A whole page. */
export function page(visit: Talk & Partial<Pick<Visit, 'formToken'>>, parts: PageParts): Html {
  const { text, language } = visit
  return html`<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${parts.title} · ${text('frame.product')}</title>
<link rel="icon" href="${assetPath('icon.svg')}" type="image/svg+xml">
<link rel="stylesheet" href="${assetPath('pico.css')}">
<link rel="stylesheet" href="${assetPath('page.css')}">
<script src="${assetPath('page.js')}" defer></script>
</head>
<body>
<a class="skip" href="#content">${text('frame.skip')}</a>
<header>
<div class="bar">
<a class="brand" href="/"><img src="${assetPath('icon.svg')}" alt="" width="32" height="32"> <strong>${text('frame.product')}</strong></a>
${parts.practice === undefined ? nothing : html`<span class="practice">${parts.practice}</span>`}
<span class="tools">${otherLanguage(visit)}${parts.section === undefined ? nothing : signOut(visit)}</span>
</div>
${parts.section === undefined ? nothing : navigation(visit, parts.section)}
</header>
<main id="content">
${parts.before ?? nothing}
${parts.content}
</main>
<footer><small>${text('frame.footer')}</small></footer>
</body>
</html>`
}

function otherLanguage({ language, text }: Talk): Html {
  const other = language === 'de' ? 'en' : 'de'
  return html`<a href="/language/${other}" lang="${other}" hreflang="${other}">${text('frame.otherLanguage')}</a>`
}

function signOut({ text, formToken }: Talk & { readonly formToken?: string }): Html {
  return html`<form method="post" action="/sign-out">${tokenField(formToken ?? '')}<button class="link" type="submit">${text('frame.signOut')}</button></form>`
}

function navigation({ text }: Talk, current: Section): Html {
  const items = sectionKeys.map((section) => {
    const key: TextKey = `frame.${section}`
    return section === current
      ? html`<li><a href="${sections[section]}" aria-current="page">${text(key)}</a></li>`
      : html`<li><a href="${sections[section]}">${text(key)}</a></li>`
  })
  return html`<nav aria-label="${text('frame.navigation')}"><ul>${items}</ul></nav>`
}

export function tokenField(formToken: string): Html {
  return html`<input type="hidden" name="form_token" value="${formToken}">`
}

/** Says in one sentence what went wrong. */
export function errorPage(visit: Talk, sentence: string): Html {
  const { text } = visit
  return page(visit, {
    title: text('error.title'),
    content: html`<article><h1>${text('error.title')}</h1><p>${sentence}</p><p><a href="/">${text('error.home')}</a></p></article>`,
  })
}
