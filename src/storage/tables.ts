import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'

/** Single values of the kernel: the reserved end of the clock. */
export const kernelValues = sqliteTable('kernel_values', {
  name: text('name').primaryKey(),
  value: integer('value').notNull(),
})
