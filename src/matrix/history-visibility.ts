import type { JsonValue } from './json.ts'

/** `content.history_visibility` of the state, undefined where the room has no such event. */
type Visibility = JsonValue | undefined
/** `content.membership` of the state, undefined where the user has no such event. */
type Membership = JsonValue | undefined

/** Before and after differ only for the very event that changes the value: visibility for its event, membership for the user's own. */
export interface UserView {
  readonly visibilityBefore: Visibility
  readonly visibilityAfter: Visibility
  readonly membershipBefore: Membership
  readonly membershipAfter: Membership
  /** The user joined at some time after the event. */
  readonly joinedLater: boolean
}

/** Client-server API, "Room History Visibility", server behaviour. */
export function mayUserSee(view: UserView): boolean {
  const memberships = [view.membershipBefore, view.membershipAfter]
  return [view.visibilityBefore, view.visibilityAfter].some((visibility) =>
    memberships.some((membership) => isVisible(visibility, membership, view.joinedLater)),
  )
}

export interface ServerView {
  readonly visibilityBefore: Visibility
  readonly visibilityAfter: Visibility
  /** Of all users of the server at the event. */
  readonly memberships: readonly Membership[]
}

/** Whether a server may have an event: one of its users sees it, or might see it after a join. */
export function mayServerSee(view: ServerView): boolean {
  return [view.visibilityBefore, view.visibilityAfter].some(
    (visibility) =>
      isVisible(visibility, undefined, true) || view.memberships.some((membership) => isVisible(visibility, membership, true)),
  )
}

function isVisible(visibility: Visibility, membership: Membership, joinedLater: boolean): boolean {
  switch (visibility) {
    case 'world_readable':
      return true
    case 'joined':
      return membership === 'join'
    case 'invited':
      return membership === 'join' || membership === 'invite'
    default:
      // `shared`, and what is missing or not understood.
      return membership === 'join' || joinedLater
  }
}
