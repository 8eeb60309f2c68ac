import { ada, baseLevels, low, mod, peer, user } from '../hand-made-room.ts'
import type { Row } from './row.ts'
import { levels, noLevels } from './row.ts'

/** The rule on `m.room.power_levels`. */
export const levelsRows: readonly Row[] = [
  ['12:10.1 11:9.1 10:9.1', 'reject', 'ban is a string', levels(mod, { ban: '50' })],
  ['9:9.2', 'allow', 'ban is a string, first power levels', levels(ada, { ban: '50' }), noLevels],
  ['12:10.2 11:9.2 10:9.2', 'reject', 'events maps to a string', levels(mod, { events: { ...baseLevels.events, x: '1' } })],
  ['12:10.2 11:9.2 10:9.2', 'reject', 'notifications is a list', levels(mod, { notifications: [] })],
  ['12:10.3 11:9.3 10:9.3 6:9.1 1:10.1', 'reject', 'users is a list', levels(mod, { users: [] })],
  [
    '12:10.3 11:9.3 10:9.3 6:9.1 1:10.1',
    'reject',
    'users names no user id',
    levels(mod, { users: { ...baseLevels.users, mod: 1 } }),
  ],
  ['12:10.3 11:9.3 10:9.3', 'reject', 'a user has a string', levels(mod, { users: { ...baseLevels.users, [low]: '10' } })],
  [
    '9:9.8 6:9.8 1:10.8',
    'allow',
    'a user has the same level as a string',
    levels(mod, { users: { ...baseLevels.users, [low]: '10' } }),
  ],
  ['9:9.1 6:9.1 1:10.1', 'reject', 'a user has a word', levels(mod, { users: { ...baseLevels.users, [low]: 'ten' } })],
  ['12:10.4', 'reject', 'users names the creator', levels(ada, { users: { ...baseLevels.users, [ada]: 100 } })],
  ['12:10.4', 'reject', 'users names an additional creator', levels(ada, {}), { create: { additional_creators: [low] } }],
  ['11:9.4', 'allow', 'users may name the creator', levels(ada, { users: { [ada]: 100 } }), noLevels],
  ['12:10.5 11:9.4 9:9.2 6:9.2 1:10.2', 'allow', 'the first power levels', levels(ada, {}), noLevels],
  [
    '12:10.6.1 11:9.5.1 6:9.3.1 1:10.3.1',
    'reject',
    'a property above the sender is changed',
    levels(mod, { ban: 50 }),
    { levels: { ...baseLevels, ban: 60 } },
  ],
  [
    '12:10.6.1 11:9.5.1 6:9.3.1 1:10.3.1',
    'reject',
    'a property above the sender is removed',
    levels(mod, { redact: undefined }),
    { levels: { ...baseLevels, redact: 60 } },
  ],
  ['12:10.6.2 11:9.5.2 6:9.3.2 1:10.3.2', 'reject', 'a property is raised above the sender', levels(mod, { kick: 51 })],
  [
    '12:10.6.2 11:9.5.2 6:9.3.2 1:10.3.2',
    'reject',
    'a property is added above the sender',
    levels(mod, { ban: 51 }),
    { levels: { ...baseLevels, ban: undefined } },
  ],
  [
    '12:10.7.1 11:9.6.1 6:9.4.1 1:10.4.1',
    'reject',
    'an entry above the sender is removed',
    levels(mod, { events: { 'm.room.power_levels': 50 } }),
  ],
  [
    '12:10.7.1 11:9.6.1 6:9.4.1',
    'reject',
    'a notification above the sender is changed',
    levels(mod, { notifications: { room: 50, org: 50 } }),
  ],
  ['5:10.8 1:10.8', 'allow', 'notifications are not guarded', levels(mod, { notifications: { room: 99 } })],
  [
    '12:10.8.1 11:9.7.1 6:9.5.1 1:10.5.1',
    'reject',
    'an entry is added above the sender',
    levels(mod, { events: { ...baseLevels.events, x: 51 } }),
  ],
  [
    '12:10.8.1 11:9.7.1 6:9.5.1',
    'reject',
    'a notification is raised above the sender',
    levels(mod, { notifications: { room: 51, org: 80 } }),
  ],
  [
    '12:10.9.1 11:9.8.1 6:9.6.1 1:10.6.1',
    'reject',
    'a user at the level of the sender is demoted',
    levels(mod, { users: { ...baseLevels.users, [peer]: 0 } }),
  ],
  [
    '12:10.9.1 11:9.8.1 6:9.6.1 1:10.6.1',
    'reject',
    'a user above the sender is removed',
    levels(mod, { users: { [mod]: 50, [peer]: 50, [low]: 10 } }),
  ],
  [
    '12:10.10.1 11:9.9.1 6:9.7.1 1:10.7.1',
    'reject',
    'a user is raised above the sender',
    levels(mod, { users: { ...baseLevels.users, [user]: 51 } }),
  ],
  [
    '12:10.10.1 11:9.9.1 6:9.7.1 1:10.7.1',
    'reject',
    'the sender raises the own level',
    levels(mod, { users: { ...baseLevels.users, [mod]: 51 } }),
  ],
  [
    '12:10.11 11:9.10 6:9.8 1:10.8',
    'allow',
    'the sender gives away as much as there is',
    levels(mod, { users: { ...baseLevels.users, [mod]: 0, [low]: 50 }, kick: 50 }),
  ],
  ['12:10.11', 'allow', 'a creator changes what is above everybody', levels(ada, { users: { [low]: 1000 }, ban: 900 })],
]
