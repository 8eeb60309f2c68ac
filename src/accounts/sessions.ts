import { type DeviceId, parseDeviceId, type UserId } from '../matrix/identifiers.ts'
import type { Clock, Milliseconds } from '../platform/clock.ts'
import { type Random, randomLetters, randomSecret } from '../platform/random.ts'
import type { Reader, Writer } from '../storage/handles.ts'
import type { Authenticator } from './authenticator.ts'
import { addDevice, deleteDeviceRow, deviceOf, devicesOf, findUser, setDeactivated, setDeviceName } from './store.ts'
import {
  confirmTokenPair,
  deleteTokenPairs,
  deleteUnusedSuccessors,
  findRefreshToken,
  insertTokenPair,
  tokenHash,
} from './token-pairs.ts'

/** What other parts of the server do when accounts change, within the same write. */
export interface AccountHooks {
  onDeviceRemoved(tx: Writer, userId: UserId, deviceId: DeviceId): void
  /** Its display name, which others see in the device list. */
  onDeviceChanged(tx: Writer, userId: UserId, deviceId: DeviceId): void
  /** `erase`: the user wants as much as possible to be gone. */
  onDeactivated(tx: Writer, userId: UserId, erase: boolean): void
  /** Cross-signing keys live among device ids, so no device may have the name of one; source: client-server API, "POST /login". */
  isCrossSigningKey(reader: Reader, userId: UserId, deviceId: DeviceId): boolean
}

export interface DeviceWish {
  readonly device_id?: string
  readonly initial_device_display_name?: string
  /** The client can refresh. */
  readonly refresh_token?: boolean
}

/** As `/login`, `/register` and `/refresh` answer. */
type IssuedTokens = {
  readonly access_token: string
  readonly refresh_token?: string
  readonly expires_in_ms?: Milliseconds
}

export interface Sessions {
  /** A device with new tokens; earlier tokens of the device end. */
  start(
    tx: Writer,
    userId: UserId,
    wish: DeviceWish,
    address: string,
  ): { readonly tokens: IssuedTokens; readonly deviceId: DeviceId } | { readonly problem: 'device-id' | 'cross-signing-key' }
  /** Undefined: the token is not known or was used up. */
  refresh(tx: Writer, refreshToken: string): IssuedTokens | undefined
  rename(tx: Writer, userId: string, deviceId: string, displayName: string): void
  /** Removes a device with all its tokens; false: there is none. */
  end(tx: Writer, userId: string, deviceId: string): boolean
  /** Removes all devices, but for one. */
  endAll(tx: Writer, userId: string, keep?: string): void
  /** Ends an account for ever. */
  deactivate(tx: Writer, userId: UserId, erase: boolean): void
}

export interface SessionsDeps {
  readonly clock: Clock
  readonly random: Random
  readonly authenticator: Authenticator
  readonly hooks: AccountHooks
}

/** Of access tokens whose client can refresh. */
const accessTokenLifetime: Milliseconds = 60 * 60_000

export function createSessions({ clock, random, authenticator, hooks }: SessionsDeps): Sessions {
  function issue(tx: Writer, userId: string, deviceId: string, refreshable: boolean, replaces: number | null): IssuedTokens {
    const accessToken = randomSecret(random)
    const refreshToken = refreshable ? randomSecret(random) : undefined
    insertTokenPair(tx, {
      userId,
      deviceId,
      accessHash: tokenHash(accessToken),
      expiresAt: refreshable ? clock.now() + accessTokenLifetime : null,
      refreshHash: refreshToken === undefined ? null : tokenHash(refreshToken),
      replaces,
    })
    if (refreshToken === undefined) return { access_token: accessToken }
    return { access_token: accessToken, refresh_token: refreshToken, expires_in_ms: accessTokenLifetime }
  }

  function end(tx: Writer, userId: string, deviceId: string): boolean {
    authenticator.forget(tx, deleteTokenPairs(tx, userId, deviceId))
    if (!deleteDeviceRow(tx, userId, deviceId)) return false
    hooks.onDeviceRemoved(tx, userId as UserId, deviceId as DeviceId)
    return true
  }

  function endAll(tx: Writer, userId: string, keep?: string): void {
    for (const { deviceId } of devicesOf(tx, userId)) if (deviceId !== keep) end(tx, userId, deviceId)
  }

  return {
    end,
    endAll,
    start(tx, userId, wish, address) {
      const deviceId = parseDeviceId(wish.device_id ?? randomLetters(random, 10).toUpperCase())
      if (!deviceId) return { problem: 'device-id' }
      if (hooks.isCrossSigningKey(tx, userId, deviceId)) return { problem: 'cross-signing-key' }
      if (deviceOf(tx, userId, deviceId)) authenticator.forget(tx, deleteTokenPairs(tx, userId, deviceId))
      else {
        const displayName = wish.initial_device_display_name ?? null
        addDevice(tx, userId, { deviceId, displayName, lastSeenTs: clock.now(), lastSeenIp: address })
      }
      return { tokens: issue(tx, userId, deviceId, wish.refresh_token === true, null), deviceId }
    },
    refresh(tx, refreshToken) {
      const pair = findRefreshToken(tx, tokenHash(refreshToken))
      if (!pair) return undefined
      authenticator.forget(tx, [...confirmTokenPair(tx, pair), ...deleteUnusedSuccessors(tx, pair)])
      return issue(tx, pair.userId, pair.deviceId, true, pair.id)
    },
    rename(tx, userId, deviceId, displayName) {
      setDeviceName(tx, userId, deviceId, displayName)
      hooks.onDeviceChanged(tx, userId as UserId, deviceId as DeviceId)
    },
    deactivate(tx, userId, erase) {
      if (findUser(tx, userId)?.deactivated !== false) return
      endAll(tx, userId)
      setDeactivated(tx, userId)
      hooks.onDeactivated(tx, userId, erase)
    },
  }
}
