import type { JsonObject } from '../matrix/json.ts'
import type { RoomVersion } from '../matrix/room-versions.ts'

export type Preset = 'private_chat' | 'trusted_private_chat' | 'public_chat'

/** State that a preset sets; source: client-server API, "createRoom", table of presets. */
export const presetState: Readonly<Record<Preset, { join_rule: string; guest_access: string }>> = {
  private_chat: { join_rule: 'invite', guest_access: 'can_join' },
  trusted_private_chat: { join_rule: 'invite', guest_access: 'can_join' },
  public_chat: { join_rule: 'public', guest_access: 'forbidden' },
}

/** Power levels of a new room. Creators stand above all levels from room version 12 on and must not be listed. */
export function firstPowerLevels(
  version: RoomVersion,
  creator: string,
  trusted: readonly string[],
  override: JsonObject | undefined,
  preset: Preset,
): JsonObject {
  const above = version.auth.createEventIsRoomId
  const users = above ? {} : Object.fromEntries([creator, ...trusted].map((userId) => [userId, 100]))
  return {
    users,
    users_default: 0,
    events: {
      'm.room.name': 50,
      'm.room.power_levels': 100,
      'm.room.history_visibility': 100,
      'm.room.canonical_alias': 50,
      'm.room.avatar': 50,
      'm.room.tombstone': above ? 150 : 100,
      'm.room.server_acl': 100,
      'm.room.encryption': 100,
    },
    events_default: 0,
    state_default: 50,
    ban: 50,
    kick: 50,
    redact: 50,
    // Anybody can come in by themselves, so invitations are for those who lead.
    invite: preset === 'public_chat' ? 50 : 0,
    historical: 100,
    ...override,
  }
}
