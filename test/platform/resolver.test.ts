import { expect, test } from 'vitest'
import { hostAddresses, systemResolver } from '../../src/platform/resolver.ts'

test('a hosts file names addresses', () => {
  const text = '# 9.9.9.9 a.test\n127.0.0.1 localhost\n\n10.0.0.1\tA.test  b.test # c.test\n::1 a.test\nnonsense a.test\n'
  expect(hostAddresses(text, 'a.TEST')).toEqual(['10.0.0.1', '::1'])
  expect(hostAddresses(text, 'b.test')).toEqual(['10.0.0.1'])
  expect(hostAddresses(text, 'c.test')).toEqual([])
  expect(hostAddresses(text, '10.0.0.1')).toEqual([])
})

test('the names of this machine are known', async () => {
  expect(await systemResolver.addresses('localhost')).toContain('127.0.0.1')
})
