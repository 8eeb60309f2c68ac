import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { belongs, leftOutNames, readManifest, restoredNames, writeManifest } from '../../src/operations/backup/contents.ts'
import { serverProcess } from '../process/kit.ts'

test('whatever a server puts into its data directory is part of a snapshot, or left out on purpose', async () => {
  const server = await serverProcess({ HAUSBOTE_FEDERATION_LISTEN: '127.0.0.1:0', HAUSBOTE_SERVER_NAME: 'a.test' })
  await server.command(['user', 'add', 'alice', '--password-stdin'], 'password of alice')
  await server.command(['key', 'rotate'])
  const names = readdirSync(server.directory)
  expect(names).toContain('hausbote.db')
  expect(names.filter((name) => !restoredNames.includes(name) && !leftOutNames.includes(name))).toEqual([])
})

test.each([
  ['signing.key', 'file', true],
  ['signing.key', 'directory', false],
  ['signing.key/x', 'file', false],
  ['media', 'directory', true],
  ['media', 'file', false],
  ['media/contents', 'directory', true],
  ['media/contents/ab', 'directory', true],
  [`media/contents/ab/${'a'.repeat(64)}`, 'file', true],
  ['media/contents/../../evil', 'file', false],
  ['media/temporary', 'directory', false],
  ['media/contents/zz', 'directory', false],
  ['certificates/tls.crt', 'file', true],
  ['certificates/../x', 'file', false],
  ['certificates/.hidden', 'file', false],
  ['backup', 'directory', true],
  ['backup/staging', 'directory', true],
  ['backup/staging/hausbote.db', 'file', true],
  ['backup/staging/hausbote.db-wal', 'file', false],
  ['backup/passphrase', 'file', false],
  ['hausbote.db', 'file', false],
  ['..', 'directory', false],
  ['', 'directory', false],
] as const)('%s as a %s: %s', (path, kind, expected) => {
  expect(belongs(path, kind)).toBe(expected)
})

test('a manifest is read as it was written, and nothing else is', () => {
  const facts = { program: '1', schema: 1, serverName: 'a.test', createdAt: 1, position: 1, events: 2, users: 3 }
  expect(readManifest(writeManifest(facts))).toEqual({ format: 1, ...facts })
  for (const text of ['', '{}', '[]', 'null', JSON.stringify({ format: 1, ...facts, events: -1 })])
    expect(() => readManifest(text)).toThrow('does not say what it holds')
  expect(() => readManifest(JSON.stringify({ format: 2 }))).toThrow('newer version')
})
