// Users of a homeserver, through the public client-server API.

import { createHmac } from 'node:crypto'

const v3 = '/_matrix/client/v3'

/** Path of a room's endpoint. */
export const inRoom = (roomId, rest) => `${v3}/rooms/${encodeURIComponent(roomId)}/${rest}`

/** The parsed body of a 200 answer; anything else throws. */
export function parsed(answer) {
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.body.toString().slice(0, 300)}`)
  return JSON.parse(answer.body)
}

/** What a lean client asks of /sync. */
const leanFilter = JSON.stringify({ room: { state: { lazy_load_members: true }, timeline: { limit: 20 } } })

/** A logged-in user; `credentials` is the answer of /register or /login. */
function userOf(http, { user_id: userId, access_token: token, device_id: deviceId }, password) {
  let transaction = 0
  const call = (method, path, json, options) => http(method, path, { token, json, ...options })
  return {
    userId,
    deviceId,
    password,
    call,
    createRoom: async (options) => parsed(await call('POST', `${v3}/createRoom`, options)).room_id,
    join: (roomId) => call('POST', inRoom(roomId, 'join'), {}),
    send: (roomId, content, type = 'm.room.message') => call('PUT', inRoom(roomId, `send/${type}/${transaction++}`), content),
    /** `timeout` in ms is how long the server may hold the request. */
    sync({ since, timeout = 0, filter = leanFilter, presence = 'offline' } = {}) {
      const query = new URLSearchParams({ timeout, filter, set_presence: presence, ...(since && { since }) })
      return call('GET', `${v3}/sync?${query}`, undefined, { timeout: timeout + 60_000 })
    },
  }
}

/**
 * The function that registers one user, from what `--register` says:
 * `shared-secret:SECRET` (Synapse's admin endpoint), `open`, `token:TOKEN` (registration token), `admin:ACCESS_TOKEN` (Synapse's user admin API).
 */
export function registrar(http, register) {
  const [kind, ...rest] = register.split(':')
  const argument = rest.join(':')
  const ways = {
    async 'shared-secret'(username, password) {
      const path = '/_synapse/admin/v1/register'
      const { nonce } = parsed(await http('GET', path))
      const mac = createHmac('sha1', argument).update([nonce, username, password, 'notadmin'].join('\0')).digest('hex')
      return parsed(await http('POST', path, { json: { nonce, username, password, mac } }))
    },
    open: (username, password) => interactive(http, { username, password }),
    token: (username, password) => interactive(http, { username, password }, argument),
    async admin(username, password) {
      const { user_id: admin } = parsed(await http('GET', `${v3}/account/whoami`, { token: argument }))
      const userId = `@${username}${admin.slice(admin.indexOf(':'))}`
      const created = await http('PUT', `/_synapse/admin/v2/users/${encodeURIComponent(userId)}`, {
        token: argument,
        json: { password },
      })
      if (created.status !== 201) parsed(created)
      return logIn(http, username, password)
    },
  }
  if (!Object.hasOwn(ways, kind)) throw new Error(`--register: unknown way ${kind}`)
  return async (username) => {
    const password = `password of ${username}`
    return userOf(http, await ways[kind](username, password), password)
  }
}

/** Registration with user-interactive authentication, through a flow of stages that need no human. */
async function interactive(http, account, token) {
  const stages = {
    'm.login.dummy': {},
    ...(token && { 'm.login.registration_token': { token } }),
  }
  let answer = await http('POST', `${v3}/register`, { json: account })
  while (answer.status === 401) {
    const { session, flows, completed = [] } = JSON.parse(answer.body)
    const flow = flows?.find(({ stages: names }) => names.every((name) => Object.hasOwn(stages, name)))
    const type = flow?.stages.find((name) => !completed.includes(name))
    if (!type) throw new Error(`No way to register: ${answer.body}`)
    answer = await http('POST', `${v3}/register`, { json: { ...account, auth: { type, session, ...stages[type] } } })
  }
  return parsed(answer)
}

export const passwordLogin = (http, username, password) =>
  http('POST', `${v3}/login`, { json: { type: 'm.login.password', identifier: { type: 'm.id.user', user: username }, password } })

const logIn = async (http, username, password) => parsed(await passwordLogin(http, username, password))
