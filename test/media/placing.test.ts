import { createHash } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createWorld } from '../support/world.ts'
import { bytes, download, filesIn, upload } from './kit.ts'

test('a content that cannot be placed does not stay as a temporary file, and can be uploaded later', async () => {
  const world = await createWorld()
  const server = await world.server('a.test')
  const alice = await server.register('alice')
  const content = bytes('in the way')
  const hash = createHash('sha256').update(content).digest('hex')
  const obstacle = join(server.directory, 'media', 'contents', hash.slice(0, 2))
  writeFileSync(obstacle, '')

  const refused = await alice.request('POST', '/_matrix/media/v3/upload', content)
  expect(refused).toMatchObject({ status: 500, body: { errcode: 'M_UNKNOWN', error: 'Internal server error' } })
  expect(filesIn(server, 'temporary')).toEqual([])

  rmSync(obstacle)
  const place = await upload(alice, content)
  expect((await alice.request('GET', download(place))).body).toEqual(content)
  expect(filesIn(server, 'contents')).toEqual([hash])
})
