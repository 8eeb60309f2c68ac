import Type, { type Static } from 'typebox'
import { type Endpoint, endpoint, type RateLimit } from '../http/endpoint.ts'
import { notFound } from '../http/errors.ts'
import { parseBody, readBody } from '../http/json-body.ts'
import { checkBody } from '../http/validation.ts'
import type { Storage } from '../storage/storage.ts'
import type { InteractiveAuth } from './interactive-auth.ts'
import { maxDisplayNameLength } from './session-start.ts'
import type { Sessions } from './sessions.ts'
import { type Device, deviceOf, devicesOf } from './store.ts'

export interface DeviceEndpointsDeps {
  readonly storage: Storage
  readonly interactiveAuth: InteractiveAuth
  readonly sessions: Sessions
}

/** Passwords can be guessed where user-interactive authentication asks for one. */
export const interactiveAuthLimit: RateLimit = { name: 'interactive-auth', by: 'user', burst: 20, perSecond: 0.2 }

const path = '/_matrix/client/v3/devices/{deviceId}'
const authBody = Type.Object({ auth: Type.Optional(Type.Unknown()) })

function shown({ deviceId, displayName, lastSeenTs, lastSeenIp }: Device) {
  return {
    device_id: deviceId,
    ...(displayName !== null && { display_name: displayName }),
    last_seen_ts: lastSeenTs,
    ...(lastSeenIp !== '' && { last_seen_ip: lastSeenIp }),
  }
}

/** Clients send the first request of an interactive authentication with an empty body too, where DELETE is concerned. */
async function readOptionalBody(raw: Request): Promise<Static<typeof authBody>> {
  const read = await readBody(raw, 16 * 1024)
  if ('error' in read) throw read.error
  if (read.text === '') return {}
  const parsed = parseBody(read.text)
  if ('error' in parsed) throw parsed.error
  const problem = checkBody(authBody, parsed.value)
  if (problem) throw problem
  return parsed.value as Static<typeof authBody>
}

/** Source: client-server API, "Device Management". */
export function deviceEndpoints({ storage, interactiveAuth, sessions }: DeviceEndpointsDeps): Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: '/_matrix/client/v3/devices',
      auth: 'session',
      handle: ({ auth }) => ({ devices: devicesOf(storage.reader, auth.userId).map(shown) }),
    }),
    endpoint({
      method: 'GET',
      path,
      auth: 'session',
      handle({ auth, path: { deviceId } }) {
        const device = deviceOf(storage.reader, auth.userId, deviceId)
        if (!device) throw notFound('You have no such device')
        return shown(device)
      },
    }),
    endpoint({
      method: 'PUT',
      path,
      auth: 'session',
      body: Type.Object({ display_name: Type.Optional(Type.String({ maxLength: maxDisplayNameLength })) }),
      handle({ auth, path: { deviceId }, body }) {
        return storage.write((tx) => {
          const device = deviceOf(tx, auth.userId, deviceId)
          if (!device) throw notFound('You have no such device')
          if (body.display_name !== undefined && body.display_name !== device.displayName)
            sessions.rename(tx, auth.userId, deviceId, body.display_name)
          return {}
        })
      },
    }),
    endpoint({
      method: 'DELETE',
      path,
      auth: 'session',
      rateLimit: interactiveAuthLimit,
      async handle({ auth, path: { deviceId }, raw }) {
        const body = await readOptionalBody(raw)
        await interactiveAuth.require({
          auth: body.auth,
          operation: `DELETE /devices/${deviceId}`,
          flows: [['m.login.password']],
          userId: auth.userId,
        })
        await storage.write((tx) => sessions.end(tx, auth.userId, deviceId))
        return {}
      },
    }),
    endpoint({
      method: 'POST',
      path: '/_matrix/client/v3/delete_devices',
      auth: 'session',
      body: Type.Object({ auth: Type.Optional(Type.Unknown()), devices: Type.Array(Type.String(), { maxItems: 1000 }) }),
      rateLimit: interactiveAuthLimit,
      async handle({ auth, body }) {
        await interactiveAuth.require({
          auth: body.auth,
          operation: `POST /delete_devices ${[...body.devices].sort().join(' ')}`,
          flows: [['m.login.password']],
          userId: auth.userId,
        })
        await storage.write((tx) => {
          for (const deviceId of body.devices) sessions.end(tx, auth.userId, deviceId)
        })
        return {}
      },
    }),
  ]
}
