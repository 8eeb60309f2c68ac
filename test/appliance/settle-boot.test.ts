import { expect, test } from 'vitest'
import { bootEntries, compareVersions } from '../../appliance/box/boot-entries.ts'
import { blessUpdate, settleBoot } from '../../appliance/box/settle-boot.ts'

const now = new Date('2026-11-24T02:00:00Z')
const pending = { version: '1.1.0', from: '1.0.0' }

test('names of kernel images carry version and tries', () => {
  expect(
    bootEntries(['hausbote_1.0.0.efi', 'hausbote_1.1.0+2-1.efi', 'hausbote_1.2.0+0-3.efi', 'update.partial', 'x.efi']),
  ).toEqual([
    { file: 'hausbote_1.0.0.efi', version: '1.0.0', triesLeft: undefined },
    { file: 'hausbote_1.1.0+2-1.efi', version: '1.1.0', triesLeft: 2 },
    { file: 'hausbote_1.2.0+0-3.efi', version: '1.2.0', triesLeft: 0 },
  ])
  expect([
    compareVersions('1.10.0', '1.9.9') > 0,
    compareVersions('0.2.0', '0.2.0'),
    compareVersions('0.9.9', '1.0.0') < 0,
  ]).toEqual([true, 0, true])
})

test('a version that did not start three times is remembered, removed and told', () => {
  const { state, remove } = settleBoot({ pending, failed: {} }, '1.0.0', ['hausbote_1.0.0.efi', 'hausbote_1.1.0+0-3.efi'], now)
  expect(remove).toEqual(['hausbote_1.1.0+0-3.efi'])
  expect(state).toEqual({
    failed: { '1.1.0': 'it did not start three times' },
    last: 'Version 1.1.0 was given up on 2026-11-24 02:00: it did not start three times. Version 1.0.0 runs on.',
  })
})

test('a version on trial is left alone, and blessed only when it runs', () => {
  const before = { pending, failed: {} }
  expect(settleBoot(before, '1.1.0', ['hausbote_1.0.0.efi', 'hausbote_1.1.0+2-1.efi'], now)).toEqual({
    state: before,
    remove: [],
  })
  expect(settleBoot(before, '1.0.0', ['hausbote_1.0.0.efi', 'hausbote_1.1.0+3.efi'], now)).toEqual({ state: before, remove: [] })
  expect(blessUpdate(before, '1.0.0', now)).toBe(before)
  expect(blessUpdate(before, '1.1.0', now)).toEqual({
    failed: {},
    last: 'Version 1.1.0 was installed on 2026-11-24 02:00, in place of 1.0.0.',
  })
})

test('an installation that a power cut ended is no failure of the version', () => {
  const { state, remove } = settleBoot({ pending, failed: {} }, '1.0.0', ['hausbote_1.0.0.efi'], now)
  expect(remove).toEqual([])
  expect(state).toEqual({ failed: {}, last: expect.stringContaining('was not installed completely') })
})
