import type { Static, TSchema } from 'typebox'
import { parseBody } from '../http/json-body.ts'
import { checkBody } from '../http/validation.ts'
import { canonicalJson, parseJson } from '../matrix/canonical-json.ts'
import type { ServerName } from '../matrix/identifiers.ts'
import { isObject, type JsonObject } from '../matrix/json.ts'
import type { Signer } from '../matrix/signatures.ts'
import type { Limits } from './network.ts'
import { authorizationFor } from './request-auth.ts'
import type { Transport } from './transport.ts'

/** Asks other servers in the name of this one. */
export interface FederationClient {
  /** `schema`: what the answer must be to be believed. */
  ask<Schema extends TSchema>(server: ServerName, question: Question, schema: Schema): Promise<Answered<Static<Schema>>>
}

export interface Question {
  readonly method: 'GET' | 'PUT' | 'POST'
  /** Path and query, encoded. */
  readonly target: string
  /** For PUT and POST, and only for them. */
  readonly content?: JsonObject
  readonly limits?: Partial<Limits>
  /** The answer holds events, whose hashes depend on how numbers are written. */
  readonly exactNumbers?: boolean
  /** See `ServerRequest`. */
  readonly insistent?: boolean
}

export type Answered<Body> =
  | { readonly body: Body }
  /** The other server's refusal. */
  | { readonly refusal: { readonly status: number; readonly code: string; readonly message: string } }
  /** There is no answer, or none that can be believed (`status` is that one's); for the log. */
  | { readonly problem: string; readonly status?: number }

/** Whether a server, by its answer, does not have what was asked for at all: an older one, or a proxy in front of it. */
export function isUnknownThere(answer: Answered<unknown>): boolean {
  if ('refusal' in answer) return answer.refusal.status === 404 && answer.refusal.code === 'M_UNRECOGNIZED'
  return 'problem' in answer && (answer.status === 404 || answer.status === 405)
}

/** A person waits for most of these answers. */
const usualLimits: Limits = { connect: 5000, headers: 10_000, total: 15_000, bytes: 256 * 1024 }
/** Characters of another server's words that are passed on. */
const maxMessage = 500
const maxCode = 100

export function createFederationClient({
  signer,
  transport,
}: {
  readonly signer: Signer
  readonly transport: Transport
}): FederationClient {
  return {
    async ask(destination, { method, target, content, limits, exactNumbers, insistent }, schema) {
      const answer = await transport.send(destination, {
        method,
        target,
        headers: {
          accept: 'application/json',
          authorization: authorizationFor(signer, { method, target, destination, content }),
          ...(content && { 'content-type': 'application/json' }),
        },
        // As it was signed: `JSON.stringify` would write some numbers of old events otherwise, and others not at all.
        ...(content && { body: canonicalJson(content, 'lenient') }),
        limits: { ...usualLimits, ...limits },
        insistent,
      })
      if ('problem' in answer) return answer
      const read = readAnswer(answer.body.toString('utf8'), exactNumbers === true)
      if ('problem' in read) return { problem: `status ${answer.status}: ${read.problem}`, status: answer.status }
      if (answer.status !== 200) return refusalIn(answer.status, read.value)
      const wrong = checkBody(schema, read.value)
      return wrong ? { problem: wrong.message, status: answer.status } : { body: read.value as Static<typeof schema> }
    },
  }
}

function readAnswer(text: string, exactNumbers: boolean): { readonly value: unknown } | { readonly problem: string } {
  if (exactNumbers) return parseJson(text, 'lenient')
  const read = parseBody(text)
  return 'error' in read ? { problem: read.error.message } : read
}

function refusalIn(status: number, body: unknown): Answered<never> {
  const { errcode: code, error: message } = isObject(body) ? body : {}
  if (status < 400 || typeof code !== 'string') return { problem: `status ${status}`, status }
  return {
    refusal: {
      status,
      code: code.slice(0, maxCode),
      message: typeof message === 'string' ? message.slice(0, maxMessage) : 'No reason was given',
    },
  }
}
