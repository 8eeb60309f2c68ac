import type { Endpoint } from '../http/endpoint.ts'
import { MatrixError } from '../http/errors.ts'

/** Last words of paths: what people still need when nothing new is taken in. */
const stillPossible = [
  ...[
    'login',
    'refresh',
    'logout',
    'logout/all',
    'keys/upload',
    'delete_devices',
    'deactivate',
    'password',
    'devices/{deviceId}',
  ],
  ...['search', 'publicRooms', 'query', 'claim', 'filter', 'read_markers', 'receipt/{receiptType}/{eventId}'],
  ...['typing/{userId}', 'presence/{userId}/status'],
  ...['leave', 'forget', 'kick', 'ban', 'redact/{eventId}/{txnId}'],
]
/** The same for what other servers ask. */
const stillServed = ['query', 'claim', 'publicRooms', 'get_missing_events/{roomId}', 'send_leave/{roomId}/{eventId}']

/** The same endpoints, but those that take something in refuse it while `readOnly` says so. Other servers, and clients, try again later. */
export function refuseWhenReadOnly(endpoints: readonly Endpoint[], readOnly: () => boolean): Endpoint[] {
  return endpoints.map((endpoint) => {
    const { method, path, auth } = endpoint
    const exceptions = auth === 'server' ? stillServed : stillPossible
    const takesIn = (method === 'PUT' || method === 'POST') && !exceptions.some((words) => path.endsWith(`/${words}`))
    if (!takesIn) return endpoint
    return {
      ...endpoint,
      handle(request) {
        if (readOnly()) throw new MatrixError(503, 'M_UNKNOWN', 'The server has hardly any space left and takes in nothing new')
        return endpoint.handle(request)
      },
    }
  })
}
