import { invalidParam } from '../http/errors.ts'

/** Clients ask for 250 users at once, and claim for as many; servers pass on what they ask. */
const maxUsers = 2_000
const maxDevices = 5_000

/** @throws MatrixError if a request asks for too much at once */
export function checkCount<Wish>(wishes: Readonly<Record<string, Wish>>, devicesIn: (wish: Wish) => number): void {
  const users = Object.values(wishes)
  if (users.length > maxUsers) throw invalidParam(`body: more than ${maxUsers} users`)
  if (users.reduce((sum, wish) => sum + devicesIn(wish), 0) > maxDevices)
    throw invalidParam(`body: more than ${maxDevices} devices`)
}
