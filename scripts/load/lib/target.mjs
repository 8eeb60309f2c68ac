// One homeserver under load.

import { httpClient } from './http.mjs'
import { cpuSeconds, databaseBytes, processFacts } from './machine.mjs'
import { inRoom, parsed, registrar } from './matrix.mjs'
import { mapWide } from './measure.mjs'

const setupWidth = 8

/**
 * @param {{ name: string, url: string, register: string, pids?: number[], database?: string[] }} description
 * @param {string} run what makes the user names of this run unlike those of another
 */
export function createTarget({ name, url, register, pids, database }, run) {
  const http = httpClient(url)
  const registerUser = registrar(http, register)
  const things = new Map()
  const pool = growing((index) => registerUser(`load-${run}-${index}`))

  return {
    name,
    http,
    /** The first `count` users of a pool that all scenarios share. */
    users: (count) => pool.get(count),
    /** A user that nobody else uses. */
    newUser: (label) => registerUser(`load-${run}-${label}`),
    /** What `make` gives, made once for this target and kept for later rounds. */
    once(key, make) {
      if (!things.has(key)) things.set(key, make())
      return things.get(key)
    },
    /** A public room that the first user makes and the others join. */
    async room([owner, ...members], options = {}) {
      const roomId = await owner.createRoom({ preset: 'public_chat', ...options })
      await mapWide(members, setupWidth, async (member) => parsed(await member.join(roomId)))
      return roomId
    },
    /** How many of these events can be read back. */
    async readBack(user, roomId, eventIds) {
      const answers = await mapWide(eventIds, setupWidth, (id) =>
        user.call('GET', inRoom(roomId, `event/${encodeURIComponent(id)}`)),
      )
      return answers.filter((answer) => answer.status === 200).length
    },
    /** Memory, CPU and disk of the server, as far as its process ids and paths were given. */
    facts: () => ({
      process: pids?.length ? processFacts(pids) : undefined,
      database: database?.length ? databaseBytes(database) : undefined,
    }),
    /** CPU seconds that the server has used; undefined without process ids. */
    cpuSeconds: () => (pids?.length ? cpuSeconds(pids) : undefined),
  }
}

function growing(make) {
  let all = []
  return {
    async get(count) {
      const missing = Array.from({ length: Math.max(0, count - all.length) }, (_, index) => all.length + index)
      all = all.concat(await mapWide(missing, setupWidth, make))
      return all.slice(0, count)
    },
  }
}
