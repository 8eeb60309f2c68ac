import type { JsonObject } from '../../../src/matrix/json.ts'
import type { Draft, Room } from '../hand-made-room.ts'
import { baseLevels } from '../hand-made-room.ts'

/** `12:5.1 11:4.1`: the rule's number in the list of each room version that the row is tried in. */
export type Numbers = string
export type Row = readonly [Numbers, 'allow' | 'reject', what: string, Draft, Room?]

export const member = (sender: string, target: string, membership: string, content: JsonObject = {}): Draft => ({
  type: 'm.room.member',
  sender,
  stateKey: target,
  content: { membership, ...content },
})
export const join = (id: string, content: JsonObject = {}) => member(id, id, 'join', content)
export const afterCreate = (draft: Draft): Draft => ({ ...draft, prevEvents: ['CREATE'] })
export const redeem = (sender: string, target: string, invite: JsonObject) =>
  member(sender, target, 'invite', { third_party_invite: invite })
export const levels = (sender: string, patch: JsonObject): Draft => ({
  type: 'm.room.power_levels',
  sender,
  stateKey: '',
  content: { ...baseLevels, ...patch },
})
export const state = (sender: string, type: string, stateKey = ''): Draft => ({ type, sender, stateKey })
export const noLevels: Room = { without: ['m.room.power_levels'] }
