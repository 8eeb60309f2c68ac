import type { OpenSink, Sink } from '../federation/sink.ts'
import { parseBody } from '../http/json-body.ts'
import { isObject } from '../matrix/json.ts'
import { checkedContentType, fileNameIn } from './content-disposition.ts'
import type { Arriving, MediaFiles, Received } from './files.ts'
import { boundaryIn, createMultipartReader, type MultipartReader, type PartEvent } from './multipart-reader.ts'

/** What came of an answer whose body was taken in. */
export type Taken =
  | { readonly received: Received; readonly contentType: string | null; readonly uploadName: string | null }
  /** The media is elsewhere. */
  | { readonly location: string }
  | { readonly failure: 'too-large' }
  | { readonly problem: string }

/** Takes in one answer with a media. `finish` or `abandon` must follow the exchange. */
export interface Intake {
  readonly open: OpenSink
  /** Whether the answer was one to be taken in. */
  readonly opened: () => boolean
  /** `problem`: of the exchange. */
  finish(problem: string | undefined): Promise<Taken>
  abandon(): Promise<void>
}

interface IntakeDeps {
  readonly files: MediaFiles
  /** Of a media. */
  readonly maxBytes: number
  /** Called when an answer with a media begins. */
  readonly begun: () => void
}

/** What boundaries, headers and the description add to a media. */
export const multipartOverhead = 128 * 1024
const maxDescription = 64 * 1024
const maxLocation = 4096

/** `plain`: the body is the media. `multipart`: see server-server API, "Content Repository". */
export function createIntake(kind: 'plain' | 'multipart', { files, maxBytes, begun }: IntakeDeps): Intake {
  let arriving: Arriving | undefined
  let reader: MultipartReader | undefined
  let opened = false
  let parts = 0
  let description = ''
  let type: string | undefined
  let disposition: string | undefined
  let location: string | undefined
  let failed: Taken | undefined

  async function keep(bytes: Uint8Array): Promise<void> {
    arriving ??= await files.begin(maxBytes)
    if (!(await arriving.write(bytes))) failed = { failure: 'too-large' }
  }

  /** A problem: the body is not what the specification says. */
  async function take(event: PartEvent): Promise<string | undefined> {
    if (event.kind === 'headers') {
      parts += 1
      if (parts > 2) return 'it has more than two parts'
      return parts === 1 ? problemOfDescription(event.headers) : readMediaHeaders(event.headers)
    }
    if (parts === 1) {
      if (event.kind === 'end') return isDescription(description) ? undefined : 'its first part is no JSON object'
      description += event.bytes.toString('latin1')
      return description.length > maxDescription ? 'its first part is too long' : undefined
    }
    if (event.kind === 'bytes' && location === undefined) await keep(event.bytes)
    return undefined
  }

  function readMediaHeaders(headers: ReadonlyMap<string, string>): string | undefined {
    type = headers.get('content-type')
    disposition = headers.get('content-disposition')
    location = headers.get('location')
    const encoding = headers.get('content-transfer-encoding')?.toLowerCase() ?? 'binary'
    if (!['binary', '8bit', '7bit'].includes(encoding)) return `its media is encoded: ${encoding.slice(0, 40)}`
    if (location === undefined) return undefined
    return location.length <= maxLocation && URL.canParse(location) ? undefined : 'its location is no address'
  }

  async function takeMultipart(chunk: Uint8Array): Promise<void> {
    const events = reader?.push(chunk) ?? []
    if ('problem' in events) {
      failed = { problem: events.problem }
      return
    }
    for (const event of events) {
      const problem = await take(event)
      if (problem !== undefined) failed = { problem }
      if (failed) return
    }
  }

  const sink: Sink = {
    async write(chunk) {
      if (!failed) await (kind === 'plain' ? keep(chunk) : takeMultipart(chunk))
      return failed === undefined
    },
  }

  return {
    open({ status, headers }) {
      if (status !== 200) return undefined
      opened = true
      begun()
      const coding = headers['content-encoding'] ?? 'identity'
      if (coding !== 'identity') failed = { problem: `it is encoded: ${coding.slice(0, 40)}` }
      if (kind === 'plain') {
        type = headers['content-type']
        disposition = headers['content-disposition']
      } else {
        const boundary = boundaryIn(headers['content-type'])
        if (boundary === undefined) failed ??= { problem: 'it is no multipart/mixed with a boundary' }
        else reader = createMultipartReader(boundary)
      }
      const announced = Number(headers['content-length'] ?? 0)
      if (announced > maxBytes + (kind === 'plain' ? 0 : multipartOverhead)) failed ??= { failure: 'too-large' }
      return sink
    },
    opened: () => opened,
    async finish(problem) {
      if (failed) return failed
      if (problem !== undefined) return { problem }
      if (reader && (parts !== 2 || !reader.complete())) return { problem: 'it broke off' }
      if (location !== undefined) return { location }
      arriving ??= await files.begin(maxBytes)
      const received = await arriving.finish()
      arriving = undefined
      return { received, contentType: checkedContentType(type ?? null), uploadName: fileNameIn(disposition) }
    },
    abandon: async () => arriving?.abandon(),
  }
}

function problemOfDescription(headers: ReadonlyMap<string, string>): string | undefined {
  const essence = headers.get('content-type')?.split(';')[0]?.trim().toLowerCase()
  return essence === 'application/json' ? undefined : 'its first part is no JSON'
}

/** `latin1`: bytes as they came. */
function isDescription(latin1: string): boolean {
  const read = parseBody(Buffer.from(latin1, 'latin1').toString('utf8'))
  return 'value' in read && isObject(read.value)
}
