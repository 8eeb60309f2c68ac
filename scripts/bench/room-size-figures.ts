import { type Figure, figure } from './figures.ts'
import type { RoomSizeResult } from './room-size.ts'

const part = { of: 'room-size' }
const kilobyte = 1024
const count = (members: number) => members.toLocaleString('en')

/** The first result is of the server that the goals are for; another may be of a smaller room. */
export function roomSizeFigures(results: ReadonlyMap<string, RoomSizeResult>): (Figure | undefined)[] {
  const [ours] = results.values()
  if (!ours) return []
  /** Of all servers whose big room has as many members, and of `ours`. */
  const alike = (value: (result: RoomSizeResult) => number | undefined) =>
    new Map([...results].map(([name, result]) => [name, result.members === ours.members ? value(result) : undefined]))
  const all = (value: (result: RoomSizeResult) => number | undefined) =>
    new Map([...results].map(([name, result]) => [name, value(result)]))
  const sizes = [...new Set([...results.values()].flatMap((result) => [...result.diskBytesPerMessage.keys()]))].sort(
    (a, b) => a - b,
  )

  return [
    ...sizes
      .filter((size) => size > 10)
      .map((size) =>
        figure(
          { ...part, what: `rate of sends: room of ${count(size)} against room of 10`, unit: '×', goal: { atLeast: 0.7 } },
          all(({ rateBySize }) => (rateBySize.get(size) ?? Number.NaN) / (rateBySize.get(10) ?? Number.NaN)),
        ),
      ),
    ...sizes.map((size) =>
      figure(
        { ...part, what: `sends into a room of ${count(size)}, 8 senders`, unit: '/s', moreIsBetter: true },
        all((result) => result.rateBySize.get(size)),
      ),
    ),
    figure(
      { ...part, what: `a member event in a room of ${count(ours.members)}`, unit: 'kB', goal: { atMost: 10 } },
      alike((result) => result.bytesPerJoin / kilobyte),
    ),
    figure(
      { ...part, what: `joins of that room, 8 at a time`, unit: '/s', moreIsBetter: true },
      alike((result) => result.joinsPerSecond),
    ),
    figure(
      { ...part, what: 'JSON of a message in the client-server API', unit: 'bytes', incomparable: true },
      all((result) => result.clientBytes),
    ),
    figure(
      { ...part, what: 'JSON of a message between servers (PDU)', unit: 'bytes', incomparable: true },
      all((result) => result.pduBytes),
    ),
    ...sizes.flatMap((size) => {
      const disk = (result: RoomSizeResult) => result.diskBytesPerMessage.get(size) ?? Number.NaN
      const what = `disk of a message in a room of ${count(size)}`
      const times = { ...part, unit: '×', goal: { atMost: 3 } }
      return [
        figure({ ...part, what, unit: 'bytes' }, all(disk)),
        figure(
          { ...times, what: `${what}, against its client-server JSON` },
          all((result) => disk(result) / result.clientBytes),
        ),
        figure(
          { ...times, what: `${what}, against its PDU` },
          all((result) => disk(result) / result.pduBytes),
        ),
      ]
    }),
  ]
}
