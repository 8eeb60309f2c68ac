// Password logins: deliberately slow on every server, and bounded here.

import { passwordLogin } from '../lib/matrix.mjs'
import { closedLoop } from '../lib/measure.mjs'

export const parameters = { lanes: 4, count: 100, seconds: 10 }
export const quick = { count: 10, seconds: 3 }

export async function* run({ target, round, parameters: { lanes, count, seconds } }) {
  const users = await Promise.all(Array.from({ length: lanes }, (_, lane) => target.newUser(`login-${round}-${lane}`)))
  yield await closedLoop(target, 'login', {
    lanes,
    count,
    seconds,
    work: (lane) => passwordLogin(target.http, users[lane].userId, users[lane].password),
  })
}
