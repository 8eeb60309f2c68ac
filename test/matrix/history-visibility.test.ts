import { describe, expect, test } from 'vitest'
import { mayServerSee, mayUserSee } from '../../src/matrix/history-visibility.ts'
import { loadVectors } from './vectors.ts'

interface Change {
  readonly before: string | null
  readonly after: string | null
}

interface Case {
  readonly who: 'user' | 'server'
  readonly name: string
  readonly visibility: Change
  readonly membership?: Change
  readonly memberships?: readonly string[]
  readonly joined_later?: boolean
  readonly expected: boolean
}

function maySee({ visibility, membership, memberships = [], joined_later: joinedLater = false }: Case): boolean {
  const shown = { visibilityBefore: visibility.before, visibilityAfter: visibility.after }
  if (!membership) return mayServerSee({ ...shown, memberships })
  return mayUserSee({ ...shown, membershipBefore: membership.before, membershipAfter: membership.after, joinedLater })
}

function titleOf({ who, name, visibility, membership, memberships, joined_later: later }: Case): string {
  const users = membership ? `${membership.before} to ${membership.after}${later ? ', joins later' : ''}` : `${memberships}`
  return `${who}, ${name}: ${visibility.before} to ${visibility.after}, ${users}`
}

describe('vectors', () => {
  for (const one of loadVectors<{ cases: readonly Case[] }>('history-visibility').cases) {
    test(titleOf(one), () => expect(maySee(one)).toBe(one.expected))
  }
})

test('a visibility that is missing or not understood counts as shared', () => {
  for (const visibility of [undefined, null, 5, 'secret']) {
    const view = {
      visibilityBefore: visibility,
      visibilityAfter: visibility,
      membershipBefore: undefined,
      membershipAfter: undefined,
    }
    expect(mayUserSee({ ...view, joinedLater: true })).toBe(true)
    expect(mayUserSee({ ...view, joinedLater: false })).toBe(false)
    expect(mayServerSee({ ...view, memberships: [] })).toBe(true)
  }
})
