import { Hono } from 'hono'
import type { PasswordHashing } from '../accounts/password-hashing.ts'
import type { RateLimits } from '../http/rate-limits.ts'
import type { Clock, Timers } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Random } from '../platform/random.ts'
import type { Resolver } from '../platform/resolver.ts'
import { StorageProblem } from '../storage/problems.ts'
import type { Storage } from '../storage/storage.ts'
import { answerOf } from './answers.ts'
import { serveAsset } from './assets.ts'
import { makeClaimCode, setClaimCode } from './claim-code.ts'
import { keepLanguage } from './cookies.ts'
import { guard } from './guard.ts'
import { errorPage } from './layout.ts'
import type { Messenger, Settled } from './messenger.ts'
import { ownerOf } from './owners.ts'
import type { PageDeps } from './page-deps.ts'
import { backupPage } from './pages/backup-page.ts'
import { certificatePage } from './pages/certificate-page.ts'
import { claimPage } from './pages/claim-page.ts'
import { logPage } from './pages/log-page.ts'
import { namePage } from './pages/name-page.ts'
import { ownerPage } from './pages/owner-page.ts'
import { partnersPage } from './pages/partners-page.ts'
import { personPage } from './pages/person-page.ts'
import { practicePage } from './pages/practice-page.ts'
import { reachPage } from './pages/reach-page.ts'
import { readyPage } from './pages/ready-page.ts'
import { recoveryPage } from './pages/recovery-page.ts'
import { restorePage } from './pages/restore-page.ts'
import { selfTestPage } from './pages/self-test-page.ts'
import { settingsPage } from './pages/settings-page.ts'
import { signInPage } from './pages/sign-in-page.ts'
import { staffPage } from './pages/staff-page.ts'
import { startPage } from './pages/start-page.ts'
import { welcomePage } from './pages/welcome-page.ts'
import { provisionLater } from './provision.ts'
import type { Restoring } from './restoring.ts'
import type { Staff } from './staff/staff.ts'
import { isLanguage, timeText, translator } from './texts.ts'
import type { SetupApp, SetupContext, SetupEnv, Visit } from './visit.ts'
import { nextStep, stepPath } from './wizard.ts'

export interface SetupOptions {
  readonly storage: Storage
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly log: Log
  readonly rateLimits: RateLimits
  readonly passwords: PasswordHashing
  /** Names of this machine in its own network, beside its addresses. */
  readonly hostNames: readonly string[]
  readonly messenger: Messenger
  readonly staff: Staff
  readonly restoring: Restoring
  readonly resolver: Resolver
  readonly dataDirectory: string
  readonly settled: Settled
  /** The code is of no use any more. */
  onClaimed(): void
  /** Where the page is found, from the networks of this machine first. */
  pageUrls(): readonly string[]
  /** Where apps reach the messenger, from the networks of this machine first. */
  clientUrls(): readonly string[]
}

export interface Setup {
  readonly app: SetupApp
  /** Ends what goes on by itself. */
  close(): void
  /** Whether somebody owns the box. */
  isClaimed(): boolean
  /** The code of the provisioning file, or a new one, which makes those before void; undefined: the box is claimed. */
  renewClaimCode(provisioned?: string): Promise<string | undefined>
  /** Does what a provisioning file left for when the messenger runs. */
  provisionLater(): Promise<void>
}

const pages = [
  claimPage,
  signInPage,
  ownerPage,
  restorePage,
  practicePage,
  namePage,
  reachPage,
  certificatePage,
  backupPage,
  recoveryPage,
  staffPage,
  personPage,
  welcomePage,
  readyPage,
  startPage,
  selfTestPage,
  partnersPage,
  logPage,
  settingsPage,
]

/** The owner's page. */
export function createSetup(options: SetupOptions): Setup {
  const { storage, clock, random, log } = options
  const closing = new AbortController()
  const deps: PageDeps = { ...options, closing: closing.signal, whenClaimed }

  /** Somebody owns the box: what was only waiting for that begins. */
  async function whenClaimed(): Promise<void> {
    options.onClaimed()
    if (answerOf(storage.reader, 'serverName') === undefined) return
    await options.messenger.start()
    await provisionLater(options)
  }

  const app: SetupApp = new Hono<SetupEnv>()

  app.get('/assets/:hash/:name', (context) => serveAsset(context, context.req.param('name')) ?? context.notFound())
  app.use(guard({ ...options, hostNames: new Set(['localhost', ...options.hostNames.map((name) => name.toLowerCase())]) }))
  app.get('/', (context) => context.redirect(firstPage(context.get('visit')), 303))
  app.get('/language/:language', (context) => {
    const language = context.req.param('language')
    if (isLanguage(language)) context.header('set-cookie', keepLanguage(language), { append: true })
    return context.redirect(pageBefore(context), 303)
  })
  for (const addTo of pages) addTo(app, deps)
  app.notFound((context) => context.html(errorPage(talk(context), talk(context).text('error.notFound')), 404))
  app.onError((error, context) => {
    const { text, language } = talk(context)
    if (error instanceof StorageProblem) return context.html(errorPage({ text, language }, text('error.disk')), 503)
    log.error({ err: error, path: context.req.routePath }, 'the setup page failed')
    return context.html(errorPage({ text, language }, text('error.fault', { time: timeText(language, clock.now()) })), 500)
  })

  function firstPage({ session }: Visit): string {
    if (!ownerOf(storage.reader)) return session ? stepPath('owner') : '/claim'
    if (!session?.owner) return '/sign-in'
    const step = nextStep(storage.reader)
    return step ? stepPath(step) : '/start'
  }

  return {
    app,
    close: () => closing.abort(),
    isClaimed: () => ownerOf(storage.reader) !== undefined,
    provisionLater: () => provisionLater(options),
    async renewClaimCode(provisioned) {
      if (ownerOf(storage.reader)) return undefined
      const code = provisioned ?? makeClaimCode(random)
      await setClaimCode(deps, code)
      return code
    },
  }
}

/** Where the visitor came from, if that is a page of ours. */
function pageBefore(context: SetupContext): string {
  const referrer = context.req.header('referer')
  if (referrer === undefined || !URL.canParse(referrer)) return '/'
  const { host, pathname } = new URL(referrer)
  return host === context.get('visit').host ? pathname : '/'
}

function talk(context: SetupContext): Pick<Visit, 'text' | 'language'> {
  const visit: Visit | undefined = context.get('visit')
  return visit ?? { language: 'en', text: translator('en') }
}
