import type { ServerProcess } from '../support/server-process.ts'

export interface Answer {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: answers of many shapes
  readonly body: any
}

/** A server that may die at any moment, and requests to it that may find no answer. */
export interface Mortal {
  readonly process: ServerProcess
  readonly alive: boolean
  /** Undefined: the server died before it had answered. Whether it did what was asked, nobody knows. */
  call(token: string | undefined, method: string, path: string, body?: unknown): Promise<Answer | undefined>
  /** The same while no death is planned. */
  ask(token: string | undefined, method: string, path: string, body?: unknown): Promise<Answer>
  kill(): Promise<void>
  restart(): Promise<void>
}

export function mortal(process: ServerProcess): Mortal {
  let alive = true

  async function send(token: string | undefined, method: string, path: string, body: unknown): Promise<Answer> {
    const response = await fetch(`${process.url}${path}`, {
      method,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const answer = { status: response.status, body: await response.json() }
    if (answer.status >= 500) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
    return answer
  }

  return {
    process,
    get alive() {
      return alive
    },
    async call(token, method, path, body) {
      try {
        return await send(token, method, path, body)
      } catch (error) {
        // Only the death that was planned excuses a broken connection.
        if (alive) throw error
        return undefined
      }
    },
    ask: send,
    async kill() {
      alive = false
      await process.kill()
    },
    async restart() {
      await process.restart()
      alive = true
    },
  }
}
