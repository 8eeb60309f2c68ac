import Type from 'typebox'
import { type Endpoint, endpoint, type Session } from '../http/endpoint.ts'
import { invalidParam } from '../http/errors.ts'
import { jsonText } from '../http/reply.ts'
import type { Clock, Milliseconds } from '../platform/clock.ts'
import { parseToken } from '../rooms/timeline.ts'
import type { Position } from '../storage/handles.ts'
import type { Storage } from '../storage/storage.ts'
import { type ComposeParts, composeSync } from './compose.ts'
import { filterEndpoints, readFilter } from './filters.ts'

export interface SyncDeps extends ComposeParts {
  readonly storage: Storage
  readonly clock: Clock
  /** The device has everything up to `since`: what waits for it alone may go. */
  acknowledge(session: Session, since: Position): Promise<void>
  /** A client is there and waits for `timeout`. */
  present(session: Session, presence: 'online' | 'offline' | 'unavailable', timeout: Milliseconds): void
}

/** Longer than any proxy lets a request wait. */
const maxTimeout: Milliseconds = 120_000

/** GET /sync and the filters for it. */
export function syncEndpoints(deps: SyncDeps): Endpoint[] {
  const { storage, clock } = deps
  return [
    ...filterEndpoints(storage),
    endpoint({
      method: 'GET',
      path: '/_matrix/client/v3/sync',
      auth: 'session',
      query: Type.Object({
        filter: Type.Optional(Type.String({ maxLength: 65_536 })),
        since: Type.Optional(Type.String()),
        full_state: Type.Optional(Type.Boolean()),
        set_presence: Type.Optional(Type.Union([Type.Literal('online'), Type.Literal('offline'), Type.Literal('unavailable')])),
        timeout: Type.Optional(Type.Integer({ minimum: 0 })),
        use_state_after: Type.Optional(Type.Boolean()),
      }),
      async handle({ auth, query, signal }) {
        const from = query.since === undefined ? 0 : positionIn(query.since)
        // A token from the future would hide everything up to it.
        if (from > storage.reader.position) throw invalidParam('since: not a token of this server')
        const timeout = Math.min(query.timeout ?? 0, maxTimeout)
        const wish = {
          userId: auth.userId,
          deviceId: auth.deviceId,
          from,
          filter: readFilter(storage.reader, auth.userId, query.filter),
          fullState: query.full_state ?? false,
          stateAfter: query.use_state_after ?? false,
        }
        deps.present(auth, query.set_presence ?? 'online', timeout)
        if (from > 0) await deps.acknowledge(auth, from)
        const end = clock.now() + timeout
        for (;;) {
          const composed = composeSync(storage.reader, deps, wish, clock.now())
          const left = end - clock.now()
          if (composed.news || from === 0 || wish.fullState || left <= 0) return jsonText(composed.text)
          const reason = await storage.waiters.wait(composed.wakeKeys, left, signal)
          if (reason !== 'woken') return jsonText(composeSync(storage.reader, deps, wish, clock.now()).text)
        }
      },
    }),
  ]
}

function positionIn(since: string): Position {
  const position = parseToken(since)
  if (position === undefined || position < 0) throw invalidParam('since: not a token of this server')
  return position
}
