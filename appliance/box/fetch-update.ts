import { createWriteStream } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'

/** Bytes of a description; the files that it names may be as large as it says. */
const maxDescription = 64 * 1024
const patience = 30_000

/**
 * Fetches the newest update below an address (`LATEST_ARCH` names its version) into a folder. What comes is not believed here:
 * `findUpdate` checks signature and sums. Undefined when it is there, or in words why not.
 */
export async function fetchUpdate(
  address: string,
  { architecture }: { readonly architecture: string },
  into: string,
): Promise<string | undefined> {
  try {
    const latest = (await small(`${address}/LATEST_${architecture}`)).toString().trim()
    if (!/^\d{1,4}\.\d{1,4}\.\d{1,4}$/.test(latest)) return 'The address of the updates answers something else.'
    const name = `hausbote_${latest}_${architecture}.update.json`
    const description = await small(`${address}/${name}`)
    await writeFile(join(into, name), description)
    await writeFile(join(into, `${name}.sig`), await small(`${address}/${name}.sig`))
    const { root, kernel } = JSON.parse(description.toString()) as Record<'root' | 'kernel', { file: string; bytes: number }>
    for (const { file, bytes } of [root, kernel]) {
      if (!/^hausbote_[\w.]+$/.test(file) || !(bytes < 2 ** 31)) return 'The description of the update makes no sense.'
      await large(`${address}/${file}`, bytes, join(into, file))
    }
    return undefined
  } catch (error) {
    return `The updates cannot be fetched: ${(error as Error).message}.`
  }
}

async function ask(address: string): Promise<Response> {
  const response = await fetch(address, { signal: AbortSignal.timeout(patience * 60) })
  if (!response.ok) throw new Error(`${new URL(address).host} answered ${response.status}`)
  return response
}

async function small(address: string): Promise<Buffer> {
  const bytes = Buffer.from(await (await ask(address)).arrayBuffer())
  if (bytes.length > maxDescription) throw new Error('the description is too long')
  return bytes
}

async function large(address: string, bytes: number, file: string): Promise<void> {
  const { body } = await ask(address)
  if (!body) throw new Error('an empty answer')
  let left = bytes
  const limit = new Transform({
    transform(chunk: Buffer, _, done) {
      left -= chunk.length
      done(left < 0 ? new Error('more came than was announced') : null, chunk)
    },
  })
  await pipeline(Readable.fromWeb(body as ReadableStream), limit, createWriteStream(file))
}
