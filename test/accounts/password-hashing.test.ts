import { expect, test } from 'vitest'
import { createPasswordHashing, defaultPasswordCost } from '../../src/accounts/password-hashing.ts'
import { systemRandom } from '../../src/platform/random.ts'

const cost = { memory: 64, iterations: 3 }

test('hashes are argon2id of the given cost, each with a salt of its own', async () => {
  const passwords = createPasswordHashing(cost, systemRandom)
  const [one, two] = await Promise.all([passwords.hash('a password'), passwords.hash('a password')])
  expect(one).toMatch(/^\$argon2id\$v=19\$m=64,t=3,p=1\$/)
  expect(one).not.toBe(two)
  expect(await passwords.verify('a password', one)).toBe(true)
  expect(await passwords.verify('A password', one)).toBe(false)
})

test('hashes of another cost stay good', async () => {
  const hash = await createPasswordHashing(cost, systemRandom).hash('a password')
  expect(await createPasswordHashing({ memory: 32, iterations: 1 }, systemRandom).verify('a password', hash)).toBe(true)
})

test('nobody has a password that is not there', async () => {
  const passwords = createPasswordHashing(cost, systemRandom)
  for (const none of [undefined, null]) expect(await passwords.verify('', none)).toBe(false)
})

test('an unknown user takes as long as a wrong password', async () => {
  const passwords = createPasswordHashing(defaultPasswordCost, systemRandom)
  const hash = await passwords.hash('a password')
  await passwords.verify('warm up', undefined)
  const time = async (of: string | undefined) => {
    const times: number[] = []
    for (let count = 0; count < 5; count += 1) {
      const start = performance.now()
      await passwords.verify('wrong', of)
      times.push(performance.now() - start)
    }
    return Math.min(...times)
  }
  const ratio = (await time(undefined)) / (await time(hash))
  expect(ratio).toBeGreaterThan(0.5)
  expect(ratio).toBeLessThan(2)
})

test('too many at once are turned away, the others are served', async () => {
  const passwords = createPasswordHashing(cost, systemRandom)
  const results = await Promise.allSettled(Array.from({ length: 110 }, () => passwords.hash('a password')))
  const turnedAway = results.filter((result) => result.status === 'rejected')
  expect(turnedAway).toHaveLength(8)
  expect(turnedAway[0]).toMatchObject({ reason: { status: 429, code: 'M_LIMIT_EXCEEDED' } })
  expect(await passwords.hash('a password')).toMatch(/^\$argon2id/)
})
