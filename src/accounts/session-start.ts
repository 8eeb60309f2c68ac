import Type from 'typebox'
import { badJson, forbidden } from '../http/errors.ts'
import { serverOf, type UserId } from '../matrix/identifiers.ts'
import type { Writer } from '../storage/handles.ts'
import type { DeviceWish, Sessions } from './sessions.ts'

export const maxDisplayNameLength = 255

/** What `/login` and `/register` take alike. */
export const deviceWishFields = {
  device_id: Type.Optional(Type.String()),
  initial_device_display_name: Type.Optional(Type.String({ maxLength: maxDisplayNameLength })),
  refresh_token: Type.Optional(Type.Boolean()),
}

/** Starts a session; the answer of `/login` and `/register`. Ends the request if the device id cannot be had. */
export function startSession(sessions: Sessions, tx: Writer, userId: UserId, wish: DeviceWish, address: string) {
  const started = sessions.start(tx, userId, wish, address)
  if ('tokens' in started) {
    return { user_id: userId, home_server: serverOf(userId), device_id: started.deviceId, ...started.tokens }
  }
  if (started.problem === 'cross-signing-key') throw forbidden('device_id: is the id of a cross-signing key')
  throw badJson('device_id: must not be empty, hold NUL or have more than 255 bytes')
}
