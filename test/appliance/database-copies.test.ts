import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import { forgetCopies, keepCopy } from '../../appliance/box/database-copies.ts'

function place() {
  const folder = mkdtempSync(join(tmpdir(), 'hausbote-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const database = join(folder, 'hausbote.db')
  // Another file system, as on the box, where both folders are mounts of their own.
  const copies = mkdtempSync('/dev/shm/hausbote-')
  onTestFinished(() => rmSync(copies, { recursive: true }))
  const open = (file: string) => new Sqlite(file)
  /** As a version of the server leaves it: its schema and a line. */
  const write = (schema: number, line: string) => {
    const sqlite = open(database)
    sqlite.pragma('journal_mode = WAL')
    sqlite.exec('CREATE TABLE IF NOT EXISTS lines (line TEXT)')
    sqlite.prepare('INSERT INTO lines VALUES (?)').run(line)
    sqlite.pragma(`user_version = ${schema}`)
    sqlite.close()
  }
  const lines = () => {
    const sqlite = open(database)
    const found = sqlite.prepare('SELECT line FROM lines').pluck().all()
    sqlite.close()
    return found
  }
  return { folder, database, copies, write, lines, keep: (schema: number) => keepCopy({ database, copies, schema, open }) }
}

test('a new box and a version with the same schema copy nothing', () => {
  const { copies, keep, write } = place()
  expect(keep(3)).toEqual({ done: 'There is no database yet.' })
  write(3, 'one')
  expect(keep(3)).toEqual({ done: 'The database fits this version.' })
  expect(readdirSync(copies)).toEqual([])
})

test('a version with a newer schema is given up: the older one finds all that was answered before', () => {
  const { folder, copies, keep, write, lines } = place()
  write(3, 'answered')
  expect(keep(4)).toEqual({ done: 'Copied the database before its schema changes from 3 to 4.' })
  write(4, 'of the trial')
  expect(keep(3)).toEqual({ done: expect.stringContaining('Went back to the copy') })
  expect(lines()).toEqual(['answered'])
  expect(readdirSync(copies)).toEqual(['schema-3.db'])
  expect(readdirSync(folder).sort()).toEqual(['hausbote.db', 'hausbote.db.set-aside'])
  expect(keep(3)).toEqual({ done: 'The database fits this version.' })
})

test('once a version stays there is no way back that would lose anything', () => {
  const { database, copies, keep, write, lines } = place()
  write(3, 'answered')
  keep(4)
  write(4, 'answered later')
  forgetCopies({ database, copies })
  expect(readdirSync(copies)).toEqual(['before-update-3.db'])
  expect(keep(3)).toEqual({ problem: expect.stringContaining('there is no older copy') })
  expect(lines()).toEqual(['answered', 'answered later'])
})
