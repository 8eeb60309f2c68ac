import { parseUserId, serverOf } from '../matrix/identifiers.ts'

/** What a request asks of users, by where they live. Users whose id is none are unknown users: they are in neither. */
export interface Recipients<Wish> {
  readonly local: readonly (readonly [userId: string, wish: Wish])[]
  readonly servers: ReadonlySet<string>
}

export function sortByServer<Wish>(wishes: Readonly<Record<string, Wish>>, serverName: string): Recipients<Wish> {
  const local: [string, Wish][] = []
  const servers = new Set<string>()
  for (const [userId, wish] of Object.entries(wishes)) {
    const id = parseUserId(userId)
    if (!id) continue
    if (serverOf(id) === serverName) local.push([userId, wish])
    else servers.add(serverOf(id))
  }
  return { local, servers }
}

/** The `failures` of an answer: other servers cannot be asked. */
export function failuresJson(servers: ReadonlySet<string>): string {
  const failure = { errcode: 'M_UNKNOWN', error: 'This server does not reach other servers' }
  return JSON.stringify(Object.fromEntries([...servers].map((server) => [server, failure])))
}
