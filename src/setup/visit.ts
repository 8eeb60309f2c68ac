import type { Context, Hono } from 'hono'
import type { HttpBindings } from '../http/mount.ts'
import type { Form } from './form.ts'
import type { OwnerSession } from './sessions.ts'
import type { Language, Translate } from './texts.ts'

/** Who asks for a page, and how to talk to them. */
export interface Visit {
  readonly language: Language
  readonly text: Translate
  /** What forms of this visitor carry. */
  readonly formToken: string
  /** Undefined: not signed in. */
  readonly session: OwnerSession | undefined
  /** The network that this visitor is counted under. */
  readonly network: string
  /** Where the visitor found the page, such as `192.168.1.20:8450`. */
  readonly host: string
  /** What was sent; empty for a page that is only looked at. */
  readonly form: Form
}

export interface SetupEnv {
  Bindings: HttpBindings
  Variables: { visit: Visit }
}

export type SetupContext = Context<SetupEnv>
export type SetupApp = Hono<SetupEnv>
