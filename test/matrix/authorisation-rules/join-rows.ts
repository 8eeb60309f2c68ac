import { ada, banned, gone, invited, knocker, mod, stranger, user } from '../hand-made-room.ts'
import type { Row } from './row.ts'
import { afterCreate, join, member } from './row.ts'

/** The rule on `m.room.member`: its shape, and joins. */
export const joinRows: readonly Row[] = [
  [
    '12:5.1 11:4.1 6:4.1 1:5.1',
    'reject',
    'membership without a state key',
    { type: 'm.room.member', content: { membership: 'join' } },
  ],
  ['12:5.1 11:4.1 6:4.1 1:5.1', 'reject', 'membership event without membership', { ...join(user), content: {} }],
  [
    '12:5.3.1 11:4.3.1 8:4.3.1 6:4.2.1 1:5.2.1',
    'allow',
    'the creator joins first',
    afterCreate(join(ada)),
    { members: { [ada]: 'leave' } },
  ],
  [
    '12:5.3.4 11:4.3.4 8:4.3.4 6:4.2.4 1:5.2.4',
    'reject',
    'the creator rejoins later',
    join(ada),
    { members: { [ada]: 'leave' } },
  ],
  ['12:5.3.4 11:4.3.4 1:5.2.4', 'reject', 'another user joins first', afterCreate(join(stranger))],
  [
    '12:5.3.4',
    'reject',
    'an additional creator joins first',
    afterCreate(join(stranger)),
    { create: { additional_creators: [stranger] } },
  ],
  ['12:5.3.2 11:4.3.2 8:4.3.2 6:4.2.2 1:5.2.2', 'reject', 'a join for somebody else', member(mod, invited, 'join')],
  ['12:5.3.3 11:4.3.3 8:4.3.3 6:4.2.3 1:5.2.3', 'reject', 'the banned join', join(banned), { joinRule: 'public' }],
  ['12:5.3.4 11:4.3.4 8:4.3.4 6:4.2.4 1:5.2.4', 'allow', 'the invited join', join(invited)],
  ['12:5.3.4 11:4.3.4 6:4.2.4 1:5.2.4', 'allow', 'a member changes the own profile', join(user)],
  ['12:5.3.4 11:4.3.4 8:4.3.4 6:4.2.4 1:5.2.4', 'reject', 'the uninvited join', join(gone)],
  ['12:5.3.4 11:4.3.4 1:5.2.4', 'reject', 'no join rules: invite', join(gone), { without: ['m.room.join_rules'] }],
  ['12:5.3.4 11:4.3.4 8:4.3.4 7:4.2.4', 'allow', 'the invited join, join rule knock', join(invited), { joinRule: 'knock' }],
  ['12:5.3.4 11:4.3.4 8:4.3.4 7:4.2.4', 'reject', 'who knocked joins', join(knocker), { joinRule: 'knock' }],
  ['6:4.2.6 1:5.2.6', 'reject', 'the invited join, join rule knock is unknown', join(invited), { joinRule: 'knock' }],
  ['12:5.3.5.1 11:4.3.5.1 8:4.3.5.1', 'allow', 'restricted: the invited join', join(invited), { joinRule: 'restricted' }],
  ['12:5.3.5.2 11:4.3.5.2 8:4.3.5.2', 'reject', 'restricted: nobody vouches', join(gone), { joinRule: 'restricted' }],
  [
    '12:5.3.5.2 11:4.3.5.2 8:4.3.5.2',
    'reject',
    'restricted: vouched for by a user who may not invite',
    join(gone, { join_authorised_via_users_server: user }),
    { joinRule: 'restricted' },
  ],
  [
    '12:5.3.5.2 11:4.3.5.2 8:4.3.5.2',
    'reject',
    'restricted: vouched for by one who left',
    join(gone, { join_authorised_via_users_server: mod }),
    { joinRule: 'restricted', members: { [mod]: 'leave' } },
  ],
  [
    '12:5.3.5.3 11:4.3.5.3 8:4.3.5.3',
    'allow',
    'restricted: vouched for by a moderator',
    join(gone, { join_authorised_via_users_server: mod }),
    { joinRule: 'restricted' },
  ],
  [
    '12:5.3.5.3 11:4.3.5.3 10:4.3.5.3',
    'allow',
    'knock_restricted: vouched for',
    join(gone, { join_authorised_via_users_server: mod }),
    { joinRule: 'knock_restricted' },
  ],
  ['9:4.3.7 8:4.3.7', 'reject', 'knock_restricted is unknown', join(invited), { joinRule: 'knock_restricted' }],
  ['7:4.2.6 6:4.2.6 1:5.2.6', 'reject', 'restricted is unknown', join(invited), { joinRule: 'restricted' }],
  ['12:5.3.6 11:4.3.6 8:4.3.6 6:4.2.5 1:5.2.5', 'allow', 'a stranger joins, public', join(stranger), { joinRule: 'public' }],
  ['12:5.3.7 11:4.3.7 8:4.3.7 6:4.2.6 1:5.2.6', 'reject', 'join rule private', join(invited), { joinRule: 'private' }],
]
