import type { Pdu } from '../pdu.ts'
import { firstCreator } from '../power-levels.ts'
import type { Verdict } from '../verdict.ts'
import { allowed, malformed, rejected } from '../verdict.ts'
import type { Scene } from './scene.ts'
import { thirdPartyInviteRule } from './third-party-invite.ts'

/** A membership event with its target, the user that `state_key` names. */
interface Membership {
  readonly scene: Scene
  readonly event: Pdu
  readonly target: string
}

/**
 * The rule on `m.room.member`: 5 in room versions 1 to 5 and 12, 4 in 6 to 11. Its part .2 (room versions 8 and later), that the
 * server named by `join_authorised_via_users_server` has signed, is settled before by `checkReceived`.
 */
export function memberRule(scene: Scene, event: Pdu): Verdict | undefined {
  if (event.type !== 'm.room.member') return undefined
  const { member: rules } = scene.numbers
  const { membership } = event.content
  if (event.stateKey === undefined) return rejected(rules.present, 'state_key: missing')
  if (membership === undefined) return malformed(rules.present, 'content.membership: missing')
  const subject: Membership = { scene, event, target: event.stateKey }
  if (membership === 'join') return joinRule(subject)
  if (membership === 'invite') return inviteRule(subject)
  if (membership === 'leave') return leaveRule(subject)
  if (membership === 'ban') return banRule(subject)
  if (membership === 'knock' && scene.version.auth.knocking) return knockRule(subject)
  return malformed(rules.unknown, 'content.membership: unknown')
}

function joinRule({ scene, event, target }: Membership): Verdict {
  const { version, numbers, create } = scene
  const rule = numbers.member.join
  const follows = event.prevEvents.length === 1 && event.prevEvents[0] === create.eventId
  if (follows && target === firstCreator(version, create)) return allowed
  if (event.sender !== target) return rejected(`${rule}.2`, 'nobody can join for somebody else')
  const membership = scene.membershipOf(target)
  if (membership === 'ban') return rejected(`${rule}.3`, 'the user is banned')
  const invited = membership === 'invite' || membership === 'join'
  const way = joinRuleOf(scene)
  if (way === 'invite' || (way === 'knock' && version.auth.knocking)) {
    return invited ? allowed : rejected(`${rule}.4`, 'the room is for invited users')
  }
  if (isRestricted(scene, way)) {
    return invited || isAuthorised(scene, event)
      ? allowed
      : rejected(`${rule}.5.2`, 'no member who may invite vouches for the user')
  }
  if (way === 'public') return allowed
  return rejected(version.auth.restrictedJoins ? `${rule}.7` : `${rule}.6`, 'the join rule of the room allows no joins')
}

/** A room without join rules is for invited users: client-server API, `m.room.join_rules`. */
function joinRuleOf(scene: Scene): unknown {
  const joinRules = scene.state('m.room.join_rules', '')
  return joinRules ? joinRules.content.join_rule : 'invite'
}

function isRestricted({ version }: Scene, way: unknown): boolean {
  return (way === 'restricted' && version.auth.restrictedJoins) || (way === 'knock_restricted' && version.auth.knockRestricted)
}

function isAuthorised({ levels, membershipOf }: Scene, event: Pdu): boolean {
  const by = event.content.join_authorised_via_users_server
  return typeof by === 'string' && membershipOf(by) === 'join' && levels.ofUser(by) >= levels.invite
}

function inviteRule({ scene, event, target }: Membership): Verdict {
  const { levels, membershipOf } = scene
  const rule = scene.numbers.member.invite
  if (event.content.third_party_invite !== undefined) return thirdPartyInviteRule(scene, event, target, `${rule}.1`)
  if (membershipOf(event.sender) !== 'join') return rejected(`${rule}.2`, 'the sender is not in the room')
  const membership = membershipOf(target)
  if (membership === 'join' || membership === 'ban') return rejected(`${rule}.3`, 'the invited user is in the room or banned')
  return levels.ofUser(event.sender) >= levels.invite ? allowed : rejected(`${rule}.5`, 'the sender may not invite')
}

function leaveRule({ scene, event, target }: Membership): Verdict {
  const { levels, membershipOf, version } = scene
  const rule = scene.numbers.member.leave
  const membership = membershipOf(target)
  if (event.sender === target) {
    const knocked = membership === 'knock' && version.auth.knocking
    if (membership === 'invite' || membership === 'join' || knocked) return allowed
    return rejected(`${rule}.1`, 'the user is neither in the room nor invited')
  }
  if (membershipOf(event.sender) !== 'join') return rejected(`${rule}.2`, 'the sender is not in the room')
  const level = levels.ofUser(event.sender)
  if (membership === 'ban' && level < levels.ban) return rejected(`${rule}.3`, 'the sender may not lift bans')
  if (level >= levels.kick && levels.ofUser(target) < level) return allowed
  return rejected(`${rule}.5`, 'the sender may not remove this user')
}

function banRule({ scene, event, target }: Membership): Verdict {
  const { levels, membershipOf } = scene
  const rule = scene.numbers.member.ban
  if (membershipOf(event.sender) !== 'join') return rejected(`${rule}.1`, 'the sender is not in the room')
  const level = levels.ofUser(event.sender)
  if (level >= levels.ban && levels.ofUser(target) < level) return allowed
  return rejected(`${rule}.3`, 'the sender may not ban this user')
}

function knockRule({ scene, event, target }: Membership): Verdict {
  const rule = scene.numbers.member.knock
  const way = joinRuleOf(scene)
  const open = way === 'knock' || (way === 'knock_restricted' && scene.version.auth.knockRestricted)
  if (!open) return rejected(`${rule}.1`, 'the join rule of the room allows no knocks')
  if (event.sender !== target) return rejected(`${rule}.2`, 'nobody can knock for somebody else')
  const membership = scene.membershipOf(target)
  if (membership !== 'ban' && membership !== 'invite' && membership !== 'join') return allowed
  return rejected(`${rule}.4`, 'the user is banned, invited or in the room')
}
