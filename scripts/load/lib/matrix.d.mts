import type { Answer } from './http.mjs'

export interface User {
  readonly userId: string
  /** `timeout`: milliseconds without a word of the server. */
  call(method: string, path: string, json?: unknown, options?: { timeout?: number }): Promise<Answer>
  createRoom(options: object): Promise<string>
  join(roomId: string): Promise<Answer>
  send(roomId: string, content: unknown, type?: string): Promise<Answer>
  sync(options?: { since?: string; timeout?: number; filter?: string }): Promise<Answer>
}

export function inRoom(roomId: string, rest: string): string
/** The body of a 200 answer, whose shape the caller asserts; anything else throws. */
export function parsed(answer: Answer): unknown
