import { createHash } from 'node:crypto'

const sessionCookie = 'hausbote'
const languageCookie = 'hausbote_language'
const attributes = 'Path=/; HttpOnly; SameSite=Strict'
/** Seconds. */
const year = 31_536_000

/** The value of a cookie; undefined: there is none, or it is none of ours. */
function cookieOf(header: string | undefined, name: string, form: RegExp): string | undefined {
  for (const part of (header ?? '').split(';')) {
    const [key, value = ''] = part.trim().split('=')
    if (key === name && form.test(value)) return value
  }
  return undefined
}

export const visitToken = (header: string | undefined) => cookieOf(header, sessionCookie, /^[\w-]{43}$/)
export const chosenLanguage = (header: string | undefined) => cookieOf(header, languageCookie, /^[a-z]{2}$/)

export const keepToken = (token: string) => `${sessionCookie}=${token}; ${attributes}`
export const keepLanguage = (language: string) => `${languageCookie}=${language}; ${attributes}; Max-Age=${year}`

/** What a form must carry; only who can read the visitor's own pages knows it. It holds over restarts, so that nothing typed is lost. */
export function formTokenOf(token: string): string {
  return createHash('sha256').update(`form ${token}`).digest('base64url')
}
