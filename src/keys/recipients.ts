import { parseUserId, type ServerName, serverOf, type UserId } from '../matrix/identifiers.ts'

/** What a request asks of users. */
export type Wishes<Wish> = readonly (readonly [userId: UserId, wish: Wish])[]

/** The same by where they live. Users whose id is none are unknown users: they are in neither. */
export interface Recipients<Wish> {
  readonly local: Wishes<Wish>
  readonly remote: ReadonlyMap<ServerName, Wishes<Wish>>
}

export function sortByServer<Wish>(wishes: Readonly<Record<string, Wish>>, serverName: string): Recipients<Wish> {
  const all = Object.entries(wishes).flatMap(([userId, wish]) => {
    const id = parseUserId(userId)
    return id ? [[id, wish] as const] : []
  })
  const byServer = Map.groupBy(all, ([userId]) => serverOf(userId))
  const local = byServer.get(serverName as ServerName) ?? []
  byServer.delete(serverName as ServerName)
  return { local, remote: byServer }
}

/** Servers that could not be asked, and what is told of each. */
export type Failures = ReadonlyMap<ServerName, string>

/** The `failures` of an answer. */
export function failuresJson(failures: Failures): string {
  const told = [...failures].map(([server, error]) => [server, { errcode: 'M_UNKNOWN', error }])
  return JSON.stringify(Object.fromEntries(told))
}
