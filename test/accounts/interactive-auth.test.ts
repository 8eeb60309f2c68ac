import { expect, test } from 'vitest'
import { type AuthFlow, createInteractiveAuth } from '../../src/accounts/interactive-auth.ts'
import { createPasswordHashing } from '../../src/accounts/password-hashing.ts'
import type { MatrixError } from '../../src/http/errors.ts'
import type { ServerName } from '../../src/matrix/identifiers.ts'
import { systemRandom } from '../../src/platform/random.ts'
import { cheap, oneServer, passwordAuth } from './cheap-world.ts'

const flows: AuthFlow[] = [
  ['m.login.dummy', 'm.login.password'],
  ['m.login.registration_token', 'm.login.password'],
]

async function setUp() {
  const { world, server } = await oneServer()
  await server.register('alice')
  const auth = createInteractiveAuth({
    storage: server.app.storage,
    clock: world.clock,
    random: systemRandom,
    serverName: 'a.test' as ServerName,
    passwords: createPasswordHashing(cheap.passwordCost, systemRandom),
  })
  const refused = async (request: unknown, operation = 'a thing'): Promise<MatrixError> =>
    auth.require({ auth: request, operation, flows }).then(
      () => expect.unreachable('it was let through'),
      (error: MatrixError) => error,
    )
  return { world, server, auth, refused }
}

test('the stages of a flow are completed one after the other', async () => {
  const { auth, refused } = await setUp()
  const { session } = (await refused(undefined)).fields
  const tooEarly = await refused(passwordAuth('alice', undefined, session as string))
  expect(tooEarly).toMatchObject({ status: 401, code: 'M_UNRECOGNIZED', fields: { session } })
  const half = await refused({ type: 'm.login.dummy', session })
  expect(half).toMatchObject({
    status: 401,
    fields: { session, completed: ['m.login.dummy'], flows: flows.map((stages) => ({ stages })) },
  })
  expect(half.fields).toHaveProperty('errcode', undefined)
  // Repeating a stage, or asking only how things stand, changes nothing.
  expect((await refused({ type: 'm.login.dummy', session })).fields.completed).toEqual(['m.login.dummy'])
  expect((await refused({ session })).fields.completed).toEqual(['m.login.dummy'])
  // Nor does a failed attempt, or the stage of another flow.
  const wrong = await refused(passwordAuth('alice', 'wrong', session as string))
  expect(wrong).toMatchObject({ status: 401, code: 'M_FORBIDDEN', fields: { completed: ['m.login.dummy'] } })
  expect((await refused({ type: 'm.login.registration_token', token: 'x', session })).code).toBe('M_UNRECOGNIZED')
  const proven = await auth.require({ auth: passwordAuth('alice', undefined, session as string), operation: 'a thing', flows })
  expect(proven).toEqual({ userId: '@alice:a.test' })
})

test('what was proven in all stages is handed over', async () => {
  const { server, auth, refused } = await setUp()
  const { token } = await server.app.administration.addToken({ uses: 1, validFor: null })
  const { session } = (await refused({ type: 'm.login.registration_token', token })).fields
  const proven = await auth.require({ auth: passwordAuth('alice', undefined, session as string), operation: 'a thing', flows })
  expect(proven).toEqual({ userId: '@alice:a.test', registrationToken: token })
})

test('stages completed for one thing are worth nothing for another', async () => {
  const { refused } = await setUp()
  const { session } = (await refused({ type: 'm.login.dummy' })).fields
  const other = await refused(passwordAuth('alice', undefined, session as string), 'another thing')
  expect(other).toMatchObject({ status: 401, code: 'M_FORBIDDEN' })
  expect(other.fields.session).not.toBe(session)
  expect(other.fields.completed).toBeUndefined()
})

test('of too many sessions the oldest ends', async () => {
  const { refused } = await setUp()
  const { session } = (await refused({ type: 'm.login.dummy' })).fields
  for (let count = 1; count < 5000; count += 1) await refused(undefined)
  expect((await refused({ session })).fields.session).toBe(session)
  await refused(undefined)
  expect((await refused({ session })).fields.session).not.toBe(session)
})

test('a flow without stages still asks first', async () => {
  const { auth } = await setUp()
  await expect(auth.require({ auth: undefined, operation: 'a thing', flows: [[]] })).rejects.toMatchObject({ status: 401 })
})
