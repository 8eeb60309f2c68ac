import { createHash } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** A content that lies on disk for certain, but has no name yet. */
export interface Received {
  readonly file: string
  /** SHA-256 in hexadecimal. */
  readonly hash: string
  /** Bytes. */
  readonly size: number
}

/** A content that is coming in. One of `finish` and `abandon` must follow. */
export interface Arriving {
  /** False: it has more bytes than it may. */
  write(chunk: Uint8Array): Promise<boolean>
  /** Makes it durable. */
  finish(): Promise<Received>
  abandon(): Promise<void>
}

/** The files of the media repository: contents by hash, thumbnails by the hash of what they show. */
export interface MediaFiles {
  /** Streams a body into a temporary file and makes it durable. `too-large`: it has more than `limit` bytes. */
  receive(body: ReadableStream<Uint8Array> | null, limit: number): Promise<Received | 'too-large'>
  /** The same for what comes in pieces. */
  begin(limit: number): Promise<Arriving>
  discard(received: Received): Promise<void>
  /** Gives a received file its name, for certain. `settle` must follow once the database knows the content, or is known not to. */
  place(received: Received): Promise<void>
  settle(hash: string): Promise<void>
  /** Contents placed before a sudden end, of which nobody knows whether the database has them. */
  unsettled(): Promise<readonly string[]>
  pathOf(hash: string): string
  /** Bytes of a stored content; undefined: there is none. */
  sizeOf(hash: string): Promise<number | undefined>
  /** Removes a content and its thumbnails; nothing happens if they are gone. */
  remove(hash: string): Promise<void>
  /** Path of a thumbnail that was kept under a name that begins with `variant` and a dot. */
  findThumbnail(hash: string, variant: string): Promise<string | undefined>
  keepThumbnail(hash: string, name: string, bytes: Uint8Array): Promise<string>
}

/** Makes the directories and forgets what uploads left behind that a sudden end interrupted. */
export async function openMediaFiles(directory: string): Promise<MediaFiles> {
  const temporary = join(directory, 'temporary')
  const placing = join(directory, 'placing')
  const contents = join(directory, 'contents')
  const thumbnails = join(directory, 'thumbnails')
  await rm(temporary, { recursive: true, force: true })
  for (const path of [temporary, placing, contents, thumbnails]) await mkdir(path, { recursive: true, mode: 0o700 })
  for (const path of [contents, directory, dirname(directory)]) await syncDirectory(path)

  const pathOf = (hash: string) => join(contents, hash.slice(0, 2), hash)
  const thumbnailsOf = (hash: string) => join(thumbnails, hash.slice(0, 2), hash)
  let count = 0
  // The directory begins empty, so a number is name enough.
  const newTemporary = () => join(temporary, String(++count))

  const shelves = new Map<string, Promise<void>>()

  /** Makes a directory for contents; whoever needs it too meanwhile waits until it is on disk for certain. */
  function shelf(path: string): Promise<void> {
    const making = shelves.get(path) ?? makeShelf(path)
    shelves.set(path, making)
    return making
  }

  async function makeShelf(path: string): Promise<void> {
    try {
      await mkdir(path, { recursive: true, mode: 0o700 })
      await syncDirectory(contents)
    } catch (error) {
      shelves.delete(path)
      throw error
    }
  }

  async function begin(limit: number): Promise<Arriving> {
    const file = newTemporary()
    return arrivingIn(file, await open(file, 'wx', 0o600), limit)
  }

  return {
    async receive(body, limit) {
      const arriving = await begin(limit)
      let received: Received | undefined
      try {
        for await (const chunk of body ?? []) if (!(await arriving.write(chunk))) return 'too-large'
        received = await arriving.finish()
        return received
      } finally {
        if (!received) await arriving.abandon()
      }
    },
    begin,
    discard: ({ file }) => rm(file, { force: true }),
    async place({ file, hash }) {
      // Left behind by a sudden end, this tells the next start to look whether the content is wanted.
      await writeFile(join(placing, hash), '')
      const path = pathOf(hash)
      await shelf(dirname(path))
      await rename(file, path)
      await syncDirectory(dirname(path))
    },
    settle: (hash) => rm(join(placing, hash), { force: true }),
    unsettled: () => readdir(placing),
    pathOf,
    async sizeOf(hash) {
      return (await unlessMissing(stat(pathOf(hash))))?.size
    },
    async remove(hash) {
      await rm(pathOf(hash), { force: true })
      await rm(thumbnailsOf(hash), { recursive: true, force: true })
    },
    async findThumbnail(hash, variant) {
      const names = await unlessMissing(readdir(thumbnailsOf(hash)))
      const name = names?.find((candidate) => candidate.startsWith(`${variant}.`))
      return name === undefined ? undefined : join(thumbnailsOf(hash), name)
    },
    async keepThumbnail(hash, name, bytes) {
      const path = join(thumbnailsOf(hash), name)
      const file = newTemporary()
      await writeFile(file, bytes, { mode: 0o600, flush: true })
      await mkdir(dirname(path), { recursive: true, mode: 0o700 })
      await rename(file, path)
      return path
    },
  }
}

function arrivingIn(file: string, handle: FileHandle, limit: number): Arriving {
  const hash = createHash('sha256')
  let size = 0
  return {
    async write(chunk) {
      size += chunk.byteLength
      if (size > limit) return false
      hash.update(chunk)
      for (let written = 0; written < chunk.byteLength; ) written += (await handle.write(chunk, written)).bytesWritten
      return true
    },
    async finish() {
      await handle.sync()
      await handle.close()
      return { file, hash: hash.digest('hex'), size }
    },
    async abandon() {
      await handle.close()
      await rm(file, { force: true })
    },
  }
}

/** A new name in a directory survives a power cut only after this. */
async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function unlessMissing<Result>(found: Promise<Result>): Promise<Result | undefined> {
  try {
    return await found
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
