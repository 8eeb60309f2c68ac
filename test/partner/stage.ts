import { afterAll, beforeAll, expect } from 'vitest'
import type { Person } from './person.ts'
import { type Sides, startSides } from './sides.ts'

export const versions = ['9', '10', '11', '12'] as const
/** Whose rooms they are. */
export const hosts = ['hausbote', 'synapse'] as const
export type Host = (typeof hosts)[number]

export interface Stage {
  readonly sides: Sides
  /** Somebody who makes rooms, and two people of the other server. */
  cast(host: Host): Promise<{ host: Person; guest: Person; second: Person }>
}

/** Both servers for the tests of a `describe`; at the end Hausbote must have had no failure of its own. */
export function stage(): Stage {
  let sides: Sides | undefined
  const running = () => {
    if (!sides) throw new Error('the servers do not run')
    return sides
  }
  beforeAll(async () => {
    sides = await startSides()
  })
  afterAll(async () => {
    if (!sides) return
    await sides.remove()
    expect(failures(sides.output())).toEqual([])
  })
  return {
    get sides() {
      return running()
    },
    async cast(host) {
      const { hausbote, synapse } = running()
      const [here, there] = host === 'hausbote' ? [hausbote, synapse] : [synapse, hausbote]
      const people = [here.register('host'), there.register('guest'), there.register('second')] as const
      const [first, guest, second] = await Promise.all(people)
      return { host: first, guest, second }
    },
  }
}

/** Lines of a log that tell of errors. */
function failures(log: string): string[] {
  return log.split('\n').filter((line) => line.startsWith('{') && (JSON.parse(line) as { level: number }).level >= 50)
}
