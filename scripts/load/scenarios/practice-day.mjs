// A busy practice: everybody's client waits in /sync, and all the usual requests come at a fixed rate, answered or not.
// Latency counts from the moment a request was due, so that a server which falls behind cannot hide it.

import { setTimeout as sleep } from 'node:timers/promises'
import { noisePng, randomSource, textMessage } from '../lib/content.mjs'
import { inRoom, parsed } from '../lib/matrix.mjs'
import { observe, settled } from '../lib/measure.mjs'
import { createTimings } from '../lib/timings.mjs'

export const parameters = { users: 30, rooms: 20, seconds: 30, rate: 10, grace: 15 }
export const quick = { users: 6, rooms: 4, seconds: 5 }

/** Kind of step -> its share of all steps. */
const mix = { send: 0.3, receipt: 0.25, typing: 0.25, history: 0.1, state: 0.07, picture: 0.03 }
const pictureSide = 258 // 200 KB of pixels
const pollTimeout = 30_000

export async function* run({ target, round, parameters: { users, rooms, seconds, rate, grace } }) {
  const practice = await target.once('practice-day', () => openPractice(target, users, rooms))
  const steps = script(practice, { seed: round, seconds, rate })
  const kinds = new Map()
  const timingsOf = (kind) => kinds.get(kind) ?? kinds.set(kind, createTimings()).get(kind)

  const dueAt = new Map() // body of a message -> when it was due
  const day = { over: false }
  const clients = await Promise.all(
    practice.users.map(async (user) => {
      const since = parsed(await user.sync({ presence: 'online' })).next_batch
      return {
        done: follow(
          user,
          since,
          day,
          (body) => dueAt.has(body) && timingsOf('delivery').add(performance.now() - dueAt.get(body)),
        ),
      }
    }),
  )
  await settled(target, 15_000)

  const result = await observe(target, 'practice-day', async (timings) => {
    const began = performance.now()
    let open = steps.length
    const perform = async (step, due) => {
      const ask = async (kind, request) => {
        const answer = await request
        const ms = performance.now() - due
        timingsOf(kind).record(answer, ms)
        timings.record(answer, ms)
        return answer
      }
      try {
        await actions[step.kind](step, ask)
      } catch (error) {
        timings.fail(error.code ?? error.message)
      }
      open--
    }
    for (const step of steps) {
      const due = began + step.at
      await sleep(Math.max(0, due - performance.now()))
      if (step.kind === 'send') dueAt.set(step.content.body, due)
      perform(step, due)
    }
    for (const deadline = performance.now() + grace * 1000; open && performance.now() < deadline; ) await sleep(20)
    for (let unanswered = open; unanswered; unanswered--) timings.fail('unanswered')
    await sleep(500) // the last messages are still on their way to the clients
    return { offered: rate }
  })
  const deliveries = steps.reduce((sum, { kind, room }) => sum + (kind === 'send' ? room.users.length : 0), 0)
  yield { ...result, lost: deliveries - timingsOf('delivery').latencies.length }
  for (const [kind, timings] of [...kinds].sort()) yield { label: `practice-day: ${kind}`, ...timings.summary(result.seconds) }

  day.over = true
  await practice.users[0].send(practice.rooms[0].roomId, textMessage('closing time')) // everybody is in the first room
  await Promise.all(clients.map((client) => client.done))
}

/** What each kind of step asks of the server; `ask(kind, request)` takes the time. */
const actions = {
  send: ({ user, room, content }, ask) =>
    ask('send', user.send(room.roomId, content)).then((answer) => {
      if (answer.status === 200) room.newest = parsed(answer).event_id
    }),
  receipt: ({ user, room }, ask) =>
    ask('receipt', user.call('POST', inRoom(room.roomId, `receipt/m.read/${encodeURIComponent(room.newest)}`), {})),
  typing: ({ user, room }, ask) =>
    ask(
      'typing',
      user.call('PUT', inRoom(room.roomId, `typing/${encodeURIComponent(user.userId)}`), { typing: true, timeout: 5000 }),
    ),
  history: ({ user, room }, ask) => ask('history', user.call('GET', inRoom(room.roomId, 'messages?dir=b&limit=50'))),
  state: ({ user, room }, ask) => ask('state', user.call('GET', inRoom(room.roomId, 'state'))),
  async picture({ user, picture }, ask) {
    const uploaded = await ask(
      'upload',
      user.call('POST', '/_matrix/media/v3/upload?filename=picture.png', undefined, { body: picture, type: 'image/png' }),
    )
    if (uploaded.status !== 200) return
    const [, server, id] = /^mxc:\/\/([^/]+)\/(.+)$/.exec(parsed(uploaded).content_uri)
    await ask('thumbnail', user.call('GET', `/_matrix/client/v1/media/thumbnail/${server}/${id}?width=96&height=96&method=crop`))
  },
}

/** Users and rooms: the first room holds everybody, the others three to ten. */
async function openPractice(target, userCount, roomCount) {
  const users = await target.users(userCount)
  const random = randomSource(7)
  const rooms = []
  for (let index = 0; index < roomCount; index++) {
    const size = index === 0 ? userCount : Math.min(userCount, 3 + Math.floor(random() * 8))
    const first = Math.floor(random() * userCount)
    const members = index === 0 ? users : Array.from({ length: size }, (_, offset) => users[(first + offset) % userCount])
    const roomId = await target.room(members, { name: `Room ${index}` })
    let newest
    for (let event = 0; event < 20; event++)
      newest = parsed(await members[event % size].send(roomId, textMessage(event))).event_id
    rooms.push({ roomId, users: members, newest })
  }
  return { users, rooms }
}

/** The steps of a day in order: who does what, where and when. The same seed gives the same day on every server. */
function script({ rooms }, { seed, seconds, rate }) {
  const random = randomSource(seed)
  const pick = (items) => items[Math.floor(random() * items.length)]
  return Array.from({ length: seconds * rate }, (_, index) => {
    const room = pick(rooms)
    const step = { kind: pickKind(random()), at: ((index + random()) / rate) * 1000, room, user: pick(room.users) }
    if (step.kind === 'send') step.content = textMessage(`${seed}.${index}`)
    if (step.kind === 'picture') step.picture = noisePng(pictureSide, random)
    return step
  })
}

function pickKind(share) {
  let left = share
  for (const [kind, part] of Object.entries(mix)) {
    left -= part
    if (left < 0) return kind
  }
  return 'send'
}

/** A client: asks /sync again and again and tells the body of every new message. */
async function follow(user, since, day, tell) {
  while (!day.over) {
    const answer = parsed(await user.sync({ since, timeout: pollTimeout, presence: 'online' }))
    since = answer.next_batch
    for (const room of Object.values(answer.rooms?.join ?? {})) {
      for (const event of room.timeline?.events ?? []) if (event.type === 'm.room.message') tell(event.content.body)
    }
  }
}
