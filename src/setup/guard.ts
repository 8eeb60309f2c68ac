import { timingSafeEqual } from 'node:crypto'
import type { Handler, MiddlewareHandler } from 'hono'
import { networkOf } from '../http/network.ts'
import type { RateLimits } from '../http/rate-limits.ts'
import type { Clock } from '../platform/clock.ts'
import { type Random, randomSecret } from '../platform/random.ts'
import type { Storage } from '../storage/storage.ts'
import { chosenLanguage, formTokenOf, keepToken, visitToken } from './cookies.ts'
import { formOf, readForm } from './form.ts'
import { errorPage } from './layout.ts'
import { isDueToBeSeen, markSeen, ownerSession } from './sessions.ts'
import { isNear, isOwnHost } from './sources.ts'
import { isLanguage, preferredLanguage, translator } from './texts.ts'
import type { SetupContext, SetupEnv, Visit } from './visit.ts'

export interface GuardDeps {
  readonly storage: Storage
  readonly clock: Clock
  readonly random: Random
  readonly rateLimits: RateLimits
  /** Names of this machine in its own network. */
  readonly hostNames: ReadonlySet<string>
}

/** Per visitor's network. */
const pageLimit = { name: 'setup page', by: 'address', burst: 120, perSecond: 4 } as const
const formLimit = { name: 'setup form', by: 'address', burst: 30, perSecond: 0.5 } as const

const safetyHeaders: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  // Not no-referrer: with that browsers hide where a form came from.
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=(), payment=()',
  'cache-control': 'no-store',
}

/** Lets nobody in but visitors of the own network who ask under an own name, and no form that did not come from an own page. */
export function guard(deps: GuardDeps): MiddlewareHandler<SetupEnv> {
  return async (context, next) => {
    for (const [name, value] of Object.entries(safetyHeaders)) context.header(name, value)
    const language = languageOf(context)
    const text = translator(language)
    const refuse = (status: 400 | 403 | 429, key: Parameters<typeof text>[0]) =>
      context.html(errorPage({ language, text }, text(key)), status)

    const address = context.env?.incoming?.socket?.remoteAddress ?? ''
    if (!isNear(address)) return refuse(403, 'error.source')
    const host = context.req.header('host')
    if (!isOwnHost(host, deps.hostNames)) return refuse(403, 'error.host')
    const network = networkOf(address)
    const sending = context.req.method !== 'GET' && context.req.method !== 'HEAD'
    if (deps.rateLimits.take(sending ? formLimit : pageLimit, network) > 0) return refuse(429, 'error.often')

    const token = visitToken(context.req.header('cookie'))
    const formToken = formTokenOf(token ?? '')
    const form = sending ? await readForm(context.req.raw) : formOf(new URLSearchParams())
    if (!form || (sending && !(token && cameFromHere(context, host) && same(form.raw('form_token'), formToken))))
      return refuse(form ? 403 : 400, 'error.form')
    const begun = token ?? randomSecret(deps.random)
    if (!token) context.header('set-cookie', keepToken(begun), { append: true })
    const session = token === undefined ? undefined : await seenSession(deps, token)
    const visit: Visit = {
      language,
      text,
      formToken: formTokenOf(begun),
      session,
      network,
      host: host ?? '',
      form,
    }
    context.set('visit', visit)
    return next()
  }
}

async function seenSession({ storage, clock }: GuardDeps, token: string) {
  const now = clock.now()
  const session = ownerSession(storage.reader, token, now)
  if (session && isDueToBeSeen(session, now)) await storage.write((tx) => markSeen(tx, session, now))
  return session
}

/** Browsers say where a form comes from. */
function cameFromHere(context: SetupContext, host: string | undefined): boolean {
  const site = context.req.header('sec-fetch-site')
  if (site !== undefined && site !== 'same-origin') return false
  const origin = context.req.header('origin')
  return origin === undefined || origin === `http://${host}` || origin === `https://${host}`
}

function same(one: string, other: string): boolean {
  return one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other))
}

function languageOf(context: SetupContext) {
  const chosen = chosenLanguage(context.req.header('cookie'))
  return isLanguage(chosen) ? chosen : preferredLanguage(context.req.header('accept-language'))
}

/** A page for the owner alone; others are sent to sign in. */
export function asOwner(
  handler: (context: SetupContext, visit: Visit, owner: string) => Response | Promise<Response>,
): Handler<SetupEnv> {
  return (context) => {
    const visit = context.get('visit')
    const owner = visit.session?.owner
    return owner ? handler(context, visit, owner) : context.redirect('/', 303)
  }
}
