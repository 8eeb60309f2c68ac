import type { HttpClient } from './http.mjs'
import type { User } from './matrix.mjs'

interface TargetDescription {
  readonly name: string
  readonly url: string
  /** As `--register` of load.mjs. */
  readonly register: string
  readonly pids?: readonly number[]
  readonly database?: readonly string[]
}

export interface Target {
  readonly name: string
  readonly http: HttpClient
  users(count: number): Promise<User[]>
  room(members: readonly User[], options?: object): Promise<string>
}

export function createTarget(description: TargetDescription, run: string): Target
