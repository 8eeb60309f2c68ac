import { index, integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core'

/** Every `mxc://` URI of this server. Several may share one content. */
export const media = sqliteTable(
  'media',
  {
    mediaId: text('media_id').primaryKey(),
    owner: text('owner').notNull(),
    /** Milliseconds since the epoch. */
    createdAt: integer('created_at').notNull(),
    /** Milliseconds since the epoch; null: uploaded. The id can be uploaded to until then. */
    expiresAt: integer('expires_at'),
    /** SHA-256 in hexadecimal: the name of the file. Null: not uploaded yet, as are the columns below. */
    contentHash: text('content_hash'),
    /** Bytes. */
    size: integer('size'),
    /** As the client sent it; null: it sent none that is one. */
    contentType: text('content_type'),
    /** Null: none. */
    uploadName: text('upload_name'),
  },
  (table) => [index('media_content').on(table.contentHash), index('media_owner').on(table.owner, table.expiresAt)],
)

/** Contents that lost a reference: their files are removed if nothing refers to them any more. */
export const removals = sqliteTable('media_removals', { contentHash: text('content_hash').primaryKey() })

/** Media of other servers that are kept here for a while. Their files stand apart from those of this server's own media. */
export const remoteMedia = sqliteTable(
  'remote_media',
  {
    server: text('server').notNull(),
    mediaId: text('media_id').notNull(),
    /** SHA-256 in hexadecimal. */
    contentHash: text('content_hash').notNull(),
    /** Bytes. */
    size: integer('size').notNull(),
    /** Of the thumbnails that were made of it. */
    thumbnailBytes: integer('thumbnail_bytes').notNull(),
    /** Null: the other server said nothing usable. */
    contentType: text('content_type'),
    /** Null: none. */
    uploadName: text('upload_name'),
    /** Milliseconds since the epoch, to within some minutes. */
    usedAt: integer('used_at').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.server, table.mediaId] }),
    index('remote_media_content').on(table.contentHash),
    index('remote_media_used').on(table.usedAt),
  ],
)

/** Contents of other servers' media that lost a reference. */
export const remoteRemovals = sqliteTable('remote_media_removals', { contentHash: text('content_hash').primaryKey() })
