import { unauthorized } from '../http/errors.ts'
import type { ServerAuthentication } from '../http/signed-request.ts'
import type { ServerName } from '../matrix/identifiers.ts'
import type { KeyRing } from './key-ring.ts'
import { isSigned, parseAuthorization } from './request-auth.ts'

/** Authenticates requests to this server; `heardFrom` learns of all that are genuine. Source: server-server API, "Request Authentication". */
export function authenticateServers(
  serverName: ServerName,
  keyRing: KeyRing,
  heardFrom: (server: ServerName) => void,
): ServerAuthentication {
  return (header) => {
    if (header === null) return { error: unauthorized('A signature is needed: Authorization: X-Matrix …') }
    const claimed = parseAuthorization(header)
    if ('problem' in claimed) return { error: unauthorized(`Authorization: ${claimed.problem}`) }
    const { origin, destination, keyId } = claimed
    if (destination !== undefined && destination !== serverName)
      return { error: unauthorized(`This is ${serverName}, and the request is to another server`) }
    if (origin === serverName) return { error: unauthorized('This server does not ask itself') }
    return {
      async verify(parts) {
        const key = await keyRing.requestKey(origin, keyId)
        if ('problem' in key) return { error: unauthorized(`The key ${keyId} of ${origin} cannot be used: ${key.problem}`) }
        if (!isSigned({ ...parts, destination: serverName }, claimed, key))
          return { error: unauthorized(`The signature is not one of ${origin} over this request`) }
        heardFrom(origin)
        return { peer: { origin } }
      },
    }
  }
}
