import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { TestServer, TestUser } from '../support/world.ts'

export interface UploadWish {
  readonly type?: string
  readonly filename?: string
}

/** Uploads and answers with `SERVER/MEDIA`, as download paths end. */
export async function upload(
  user: TestUser,
  content: Uint8Array,
  { type = 'application/octet-stream', filename }: UploadWish = {},
): Promise<string> {
  const query = filename === undefined ? '' : `?filename=${encodeURIComponent(filename)}`
  const answer = await user.request('POST', `/_matrix/media/v3/upload${query}`, content, { headers: { 'content-type': type } })
  expect(answer.status).toBe(200)
  return placeOf(answer.body.content_uri)
}

/** `mxc://SERVER/MEDIA` without its scheme. */
export function placeOf(uri: string): string {
  expect(uri).toMatch(/^mxc:\/\/[ab]\.test\/[A-Za-z0-9_-]+$/)
  return uri.slice('mxc://'.length)
}

export const download = (place: string) => `/_matrix/client/v1/media/download/${place}`

export const bytes = (text: string) => new TextEncoder().encode(text)

type Part = 'contents' | 'thumbnails' | 'temporary' | 'placing'

/** Names of the files that stand below a directory of the media repository. */
export const filesIn = (server: TestServer, part: Part) => filesBelow(join(server.directory, 'media', part))

/** The same of other servers' media. */
export const remoteFilesIn = (server: TestServer, part: Part) => filesBelow(join(server.directory, 'media', 'remote', part))

function filesBelow(directory: string): readonly string[] {
  if (!existsSync(directory)) return []
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name)
    .sort()
}
