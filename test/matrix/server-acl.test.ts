import { describe, expect, test } from 'vitest'
import type { ServerName } from '../../src/matrix/identifiers.ts'
import type { JsonObject } from '../../src/matrix/json.ts'
import { serverAllowed } from '../../src/matrix/server-acl.ts'
import { loadVectors } from './vectors.ts'

interface File {
  readonly cases: readonly { name: string; content: JsonObject; expected: Record<string, boolean> }[]
}

describe('vectors', () => {
  for (const { name, content, expected } of loadVectors<File>('server-acl').cases) {
    test.each(Object.entries(expected))(`${name}: %s is %s`, (server, isAllowed) => {
      expect(serverAllowed(content, server as ServerName)).toBe(isAllowed)
    })
  }
})

test('a list made to backtrack costs no time', () => {
  const content = { allow: [`${'*a'.repeat(2_000)}b`, '*'] }
  const server = `${'a'.repeat(240)}.example` as ServerName
  const before = performance.now()
  expect(serverAllowed(content, server)).toBe(true)
  expect(performance.now() - before).toBeLessThan(2_000)
})
