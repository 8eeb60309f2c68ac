import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { getTableConfig, SQLiteTable } from 'drizzle-orm/sqlite-core'
import { expect, test } from 'vitest'
import { createWorld } from '../support/world.ts'

interface Column {
  readonly name: string
  readonly type: string
  readonly notnull: 0 | 1
}

const root = join(import.meta.dirname, '../../src')
const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('tables.ts'))

test('the migrations make the tables that are declared, and no others', async () => {
  const declared = new Map<string, Column[]>()
  for (const file of files) {
    const module: Record<string, unknown> = await import(pathToFileURL(join(root, file)).href)
    for (const table of Object.values(module)) {
      if (!(table instanceof SQLiteTable)) continue
      const { name, columns } = getTableConfig(table)
      declared.set(
        name,
        columns.map((column) => ({ name: column.name, type: column.getSQLType(), notnull: column.notNull ? 1 : 0 })),
      )
    }
  }
  expect(declared.size).toBeGreaterThan(20)

  const { app } = await (await createWorld()).server('a.test')
  const { raw } = app.storage.reader
  const names = raw
    .prepare<[], string>("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    .pluck()
  const made = new Map(
    names.all().map((name) => {
      const columns = raw.pragma(`table_info(${name})`) as Column[]
      return [name, columns.map((column) => ({ name: column.name, type: column.type.toLowerCase(), notnull: column.notnull }))]
    }),
  )
  expect([...made.keys()].sort()).toEqual([...declared.keys()].sort())
  for (const [name, columns] of declared) expect(made.get(name), name).toEqual(columns)
})
