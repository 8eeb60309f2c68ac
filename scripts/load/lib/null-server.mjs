// A homeserver that does nothing and answers at once: what the generator measures against it is the generator's own.

import { createServer } from 'node:http'

const pageSize = 100
const pages = 50
const page = (from, chunk) => JSON.stringify({ chunk, start: `${from}`, ...(from + 1 < pages && { end: `${from + 1}` }) })
const event = (index) => ({
  type: 'm.room.message',
  event_id: `$${'a'.repeat(43)}`,
  sender: '@load:null.test',
  origin_server_ts: index,
  content: { msgtype: 'm.text', body: `${index} ${'lorem ipsum '.repeat(7)}` },
  unsigned: { age: 1000 },
})
const pageBodies = Array.from({ length: pages }, (_, from) =>
  page(
    from,
    Array.from({ length: pageSize }, (_, index) => event(index)),
  ),
)

let users = 0
let position = 0
const held = new Set()

const routes = [
  [/\/register$/, () => ({ user_id: `@load-${++users}:null.test`, access_token: `token-${users}`, device_id: 'D' })],
  [/\/createRoom$/, () => ({ room_id: '!room:null.test' })],
  [
    /\/send\//,
    (body) => {
      const answer = JSON.stringify({
        next_batch: `${++position}`,
        rooms: { join: { '!room:null.test': { timeline: { events: [{ content: `${body}` }] } } } },
      })
      for (const release of held) release(answer)
      return { event_id: `$${position}` }
    },
  ],
  [/\/messages\?/, (_, url) => pageBodies[Number(url.searchParams.get('from') ?? 0)]],
  [
    /\/sync\?/,
    (_, url) => (url.searchParams.has('since') ? hold(Number(url.searchParams.get('timeout'))) : { next_batch: `${position}` }),
  ],
]

const hold = (timeout) =>
  new Promise((resolve) => {
    const release = (answer) => {
      clearTimeout(late)
      held.delete(release)
      resolve(answer)
    }
    const late = setTimeout(release, timeout, JSON.stringify({ next_batch: `${position}` }))
    held.add(release)
  })

const server = createServer(async (request, response) => {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  const [, answer = () => ({})] = routes.find(([pattern]) => pattern.test(request.url)) ?? []
  const body = await answer(Buffer.concat(chunks), new URL(request.url, 'http://null.test'))
  response.writeHead(200, { 'content-type': 'application/json' }).end(typeof body === 'string' ? body : JSON.stringify(body))
})
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }))
process.once('disconnect', () => process.exit())
