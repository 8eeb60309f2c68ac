import { createServer } from 'node:net'
import { onTestFinished } from 'vitest'

/** A name server on loopback, over TCP, that knows what a test tells it: every name is at 127.0.0.1, and has the texts in `texts`. */
export async function startDnsServer(texts: ReadonlyMap<string, readonly string[]>): Promise<{ readonly address: string }> {
  const server = createServer((socket) => {
    let received = Buffer.alloc(0)
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk])
      // Over TCP each message comes behind its length (RFC 1035, section 4.2.2).
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const end = 2 + received.readUInt16BE(0)
        const answer = answerTo(received.subarray(2, end), texts)
        const length = Buffer.alloc(2)
        length.writeUInt16BE(answer.length)
        socket.write(Buffer.concat([length, answer]))
        received = received.subarray(end)
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return { address: `127.0.0.1:${(server.address() as { port: number }).port}` }
}

const types = { a: 1, txt: 16 }

/** RFC 1035, section 4; one question, as everybody sends it. */
function answerTo(question: Buffer, texts: ReadonlyMap<string, readonly string[]>): Buffer {
  const labels: string[] = []
  let at = 12
  for (let length = question[at] ?? 0; length > 0; length = question[at] ?? 0) {
    labels.push(question.toString('ascii', at + 1, at + 1 + length))
    at += 1 + length
  }
  const end = at + 5
  const type = question.readUInt16BE(at + 1)
  const records: Buffer[] = []
  if (type === types.a) records.push(Buffer.from([127, 0, 0, 1]))
  if (type === types.txt) {
    for (const text of texts.get(labels.join('.').toLowerCase()) ?? [])
      records.push(Buffer.from([text.length, ...Buffer.from(text)]))
  }
  const header = Buffer.alloc(12)
  question.copy(header, 0, 0, 2)
  // An answer with authority, whether there is something or not.
  header.writeUInt16BE(0x8580, 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(records.length, 6)
  const answers = records.map((data) => {
    const record = Buffer.alloc(12)
    // The name is the one of the question, twelve bytes from the start.
    record.writeUInt16BE(0xc00c, 0)
    record.writeUInt16BE(type, 2)
    record.writeUInt16BE(1, 4)
    record.writeUInt16BE(data.length, 10)
    return Buffer.concat([record, data])
  })
  return Buffer.concat([header, question.subarray(12, end), ...answers])
}
