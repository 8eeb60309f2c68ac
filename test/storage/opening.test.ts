import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import Sqlite from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import { migrationsWith, note, notesOf, open, temporaryDirectory } from './kit.ts'

async function otherProcess(directory: string, migrations: string) {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'hold-directory.ts'), directory, migrations], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [said] = (await once(createInterface(child.stdout), 'line')) as [string]
  return {
    said,
    async kill() {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    },
  }
}

test('a second process on the same directory is turned away, until the first one ends, however it ends', async () => {
  const directory = temporaryDirectory()
  const migrations = migrationsWith()
  const first = await otherProcess(directory, migrations)
  expect(first.said).toBe('open')
  expect(() => open({ directory, migrations })).toThrow(expect.objectContaining({ kind: 'in-use' }))
  expect((await otherProcess(directory, migrations)).said).toBe('in-use')
  await first.kill()
  const storage = open({ directory, migrations })
  await storage.write((tx) => note(tx, 1))
  expect((await otherProcess(directory, migrations)).said).toBe('in-use')
})

test('nor does one process open a directory twice', async () => {
  const storage = open()
  const { directory, migrations } = storage
  expect(() => open({ directory, migrations })).toThrow(expect.objectContaining({ kind: 'in-use' }))
  await storage.close()
  open({ directory, migrations })
})

test('a schema newer than the program is left as it is', async () => {
  const newer = migrationsWith(['CREATE TABLE later (id integer PRIMARY KEY);'])
  const storage = open({ migrations: newer })
  await storage.write((tx) => note(tx, 1))
  await storage.close()
  const file = join(storage.directory, 'hausbote.db')
  const before = readFileSync(file)
  expect(() => open({ directory: storage.directory })).toThrow(expect.objectContaining({ kind: 'schema-newer' }))
  expect(readFileSync(file).equals(before)).toBe(true)
  expect(notesOf(open({ directory: storage.directory, migrations: newer }).reader)).toEqual([1])
})

test('a migration that fails changes nothing, nor do those before it', async () => {
  const storage = open()
  await storage.write((tx) => note(tx, 1))
  await storage.close()
  const { directory } = storage
  const bad = migrationsWith([
    'CREATE TABLE later (id integer PRIMARY KEY); DELETE FROM notes;',
    'DROP TABLE kernel_values; ALTER TABLE nowhere ADD x;',
  ])
  expect(() => open({ directory, migrations: bad })).toThrow(
    expect.objectContaining({ kind: 'migration', message: expect.stringContaining('0002_step.sql') }),
  )
  const again = open({ directory, migrations: storage.migrations })
  expect(notesOf(again.reader)).toEqual([1])
  const tables = again.reader.raw.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").pluck().all()
  expect(tables).toEqual(['kernel_values', 'notes'])
})

test('a migration brings an older database forward and may rebuild a table that others refer to', async () => {
  const first = [`CREATE TABLE marks (note integer NOT NULL REFERENCES notes (id) ON DELETE CASCADE);`]
  const storage = open({ migrations: migrationsWith(first) })
  await storage.write((tx) => {
    note(tx, 1)
    tx.raw.exec('INSERT INTO marks VALUES (1)')
  })
  await storage.close()
  const rebuild = `CREATE TABLE new_notes (id integer PRIMARY KEY, text text NOT NULL, more text);
    INSERT INTO new_notes SELECT id, text, NULL FROM notes; DROP TABLE notes; ALTER TABLE new_notes RENAME TO notes;`
  const again = open({ directory: storage.directory, migrations: migrationsWith([...first, rebuild]) })
  expect(again.reader.raw.prepare('SELECT count(*) FROM marks').pluck().get()).toBe(1)
  const orphan = again.write((tx) => tx.raw.exec('INSERT INTO marks VALUES (7)'))
  await expect(orphan).rejects.toMatchObject({ code: 'SQLITE_CONSTRAINT_FOREIGNKEY' })
})

test('a file that is no database, and one that lost its end, are named as damaged and left alone', async () => {
  const directory = temporaryDirectory()
  const file = join(directory, 'hausbote.db')
  writeFileSync(file, 'this is a shopping list, '.repeat(1000))
  const before = readFileSync(file)
  expect(() => open({ directory })).toThrow(
    expect.objectContaining({ kind: 'corrupt', message: expect.stringContaining('backup') }),
  )
  expect(readFileSync(file).equals(before)).toBe(true)
  const storage = open()
  await storage.write((tx) => note(tx, 1, 'x'.repeat(50_000)))
  await storage.close()
  truncateSync(join(storage.directory, 'hausbote.db'), 4096)
  expect(() => open({ directory: storage.directory, migrations: storage.migrations })).toThrow(
    expect.objectContaining({ kind: 'corrupt' }),
  )
})

test('a log without its database is not thrown away', async () => {
  const directory = temporaryDirectory()
  writeFileSync(join(directory, 'hausbote.db-wal'), 'the only copy of the last hour')
  expect(() => open({ directory })).toThrow(expect.objectContaining({ kind: 'corrupt' }))
  expect(readFileSync(join(directory, 'hausbote.db-wal'), 'utf8')).toBe('the only copy of the last hour')
})

test('a damaged page found while running stops writes and tells the process', async () => {
  const storage = open()
  await storage.write((tx) => {
    for (let id = 1; id <= 200; id += 1) note(tx, id, 'x'.repeat(1000))
  })
  await storage.close()
  const file = join(storage.directory, 'hausbote.db')
  const content = readFileSync(file)
  const root = new Sqlite(file, { readonly: true })
  const page = root.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'notes'").pluck().get() as number
  root.close()
  content.fill(0xff, (page - 1) * 4096, page * 4096)
  writeFileSync(file, content)
  const again = open({ directory: storage.directory, migrations: storage.migrations })
  await expect(again.write((tx) => note(tx, 1000))).rejects.toMatchObject({ kind: 'corrupt' })
  expect(again.fatal).toHaveLength(1)
  await expect(again.write((tx) => note(tx, 1001))).rejects.toMatchObject({ kind: 'corrupt' })
})

test('the directory and the database are for their owner alone', () => {
  const directory = join(temporaryDirectory(), 'made', 'here')
  open({ directory })
  expect(statSync(directory).mode & 0o777).toBe(0o700)
  for (const name of ['hausbote.db', 'hausbote.db-wal']) expect(statSync(join(directory, name)).mode & 0o077).toBe(0)
})

test('a directory that cannot be one is said to be unusable', () => {
  const directory = temporaryDirectory()
  writeFileSync(join(directory, 'file'), '')
  rmSync(join(directory, 'nothing'), { force: true })
  expect(() => open({ directory: join(directory, 'file', 'below') })).toThrow(expect.objectContaining({ kind: 'unusable' }))
})
