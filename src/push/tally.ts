import type { Position } from '../storage/handles.ts'

/** Up to where a user has read: the room as a whole, and threads (`main` or a root) that are read further. */
export interface ReadPositions {
  readonly room: Position
  readonly threads: ReadonlyMap<string, Position>
}

/** An event that is a reason to notify the user. */
interface Notice {
  readonly position: Position
  /** The thread's root or `main`. */
  readonly thread: string
  readonly highlight: boolean
}

export interface Counts {
  readonly notify: number
  readonly highlight: number
}

/** Notices of one thread that are kept as numbers only, because there are many. */
interface Folded extends Counts {
  /** Positions of the first and the last of them. */
  readonly first: Position
  readonly last: Position
}

/** What a user has not read in a room, up to the event at `countedTo`. */
export interface Tally {
  countedTo: Position
  /** In the order of positions. */
  notices: Notice[]
  /** By thread. */
  readonly folded: Map<string, Folded>
}

/** Single notices that are kept; what is read can be taken off exactly. Beyond, the older half is folded. */
const maxNotices = 100

export function emptyTally(countedTo: Position): Tally {
  return { countedTo, notices: [], folded: new Map() }
}

export function addNotice(tally: Tally, notice: Notice): void {
  tally.notices.push(notice)
  if (tally.notices.length <= maxNotices) return
  for (const { thread, position, highlight } of tally.notices.splice(0, maxNotices / 2)) {
    const before = tally.folded.get(thread) ?? { notify: 0, highlight: 0, first: position, last: position }
    tally.folded.set(thread, {
      notify: before.notify + 1,
      highlight: before.highlight + (highlight ? 1 : 0),
      first: before.first,
      last: position,
    })
  }
}

/** Takes off everything of a thread up to an event, as when the user sends something there. */
export function readThread(tally: Tally, thread: string): void {
  tally.notices = tally.notices.filter((notice) => notice.thread !== thread)
  tally.folded.delete(thread)
}

/**
 * What is left of a tally once that which has been read is taken off. Where a receipt lies in the midst of folded notices,
 * that is an empty tally from before the first of them: they are counted anew.
 */
export function withoutRead(tally: Tally, read: ReadPositions): Tally {
  const markOf = (thread: string) => read.threads.get(thread) ?? read.room
  const first = Math.min(...[...tally.folded.values()].map((folded) => folded.first))
  for (const [thread, folded] of tally.folded) {
    const mark = markOf(thread)
    if (mark >= folded.last) tally.folded.delete(thread)
    else if (mark >= folded.first) return emptyTally(Math.max(first - 1, read.room))
  }
  if (tally.notices.some(({ position, thread }) => position <= markOf(thread)))
    tally.notices = tally.notices.filter(({ position, thread }) => position > markOf(thread))
  return tally
}

/** Unread counts by thread. */
export function countsOf(tally: Tally): ReadonlyMap<string, Counts> {
  const counts = new Map<string, Counts>(tally.folded)
  for (const { thread, highlight } of tally.notices) {
    const before = counts.get(thread) ?? { notify: 0, highlight: 0 }
    counts.set(thread, { notify: before.notify + 1, highlight: before.highlight + (highlight ? 1 : 0) })
  }
  return counts
}

/** The tally's JSON without `countedTo`. */
export function writeTally({ notices, folded }: Tally): string {
  return JSON.stringify({ notices, folded: [...folded] })
}

export function readTally(countedTo: Position, text: string): Tally {
  const { notices, folded } = JSON.parse(text) as { notices: Notice[]; folded: [string, Folded][] }
  return { countedTo, notices, folded: new Map(folded) }
}
