import { connectionTexts } from './texts/connection.ts'
import { consoleTexts } from './texts/console.ts'
import { frameTexts } from './texts/frame.ts'
import { selfTestTexts } from './texts/self-test.ts'
import { staffTexts } from './texts/staff.ts'
import { wizardTexts } from './texts/wizard.ts'

export const languages = ['de', 'en'] as const
export type Language = (typeof languages)[number]

/** One text in all languages; `{name}` is replaced by a value. */
export type Pair = Readonly<Record<Language, string>>

/** Every text of the page: nothing that people read stands anywhere else. */
export const texts = {
  ...frameTexts,
  ...wizardTexts,
  ...staffTexts,
  ...connectionTexts,
  ...consoleTexts,
  ...selfTestTexts,
} as const
export type TextKey = keyof typeof texts

export type Translate = (key: TextKey, values?: Readonly<Record<string, string | number>>) => string

/** Throws when a value is missing: a page that says `{name}` is a fault. */
export function translator(language: Language): Translate {
  return (key, values = {}) =>
    texts[key][language].replaceAll(/\{(\w+)\}/g, (_, name: string) => {
      const value = values[name]
      if (value === undefined) throw new Error(`the text ${key} lacks ${name}`)
      return String(value)
    })
}

export function isTextKey(text: string): text is TextKey {
  return Object.hasOwn(texts, text)
}

export function isLanguage(text: string | undefined): text is Language {
  return languages.some((language) => language === text)
}

/** What a browser prefers (`Accept-Language`); English for those who name neither. */
export function preferredLanguage(header: string | undefined): Language {
  const wishes = (header ?? '')
    .split(',')
    .map((part) => {
      const [tag = '', quality] = part.trim().split(/\s*;\s*q=/)
      return { language: tag.slice(0, 2).toLowerCase(), quality: quality === undefined ? 1 : Number(quality) || 0 }
    })
    .filter(({ language, quality }) => quality > 0 && isLanguage(language))
    .toSorted((one, other) => other.quality - one.quality)
  const language = wishes[0]?.language
  return isLanguage(language) ? language : 'en'
}

/** Date and time of day in the practice's own time. */
export function timeText(language: Language, at: number): string {
  return new Date(at).toLocaleString(language === 'de' ? 'de-DE' : 'en-GB', { dateStyle: 'medium', timeStyle: 'short' })
}
