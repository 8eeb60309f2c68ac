import { checkReceivedFormat, toPdu } from '../../matrix/format.ts'
import type { RoomId, ServerName } from '../../matrix/identifiers.ts'
import type { JsonObject } from '../../matrix/json.ts'
import type { Pdu } from '../../matrix/pdu.ts'
import type { Receipt } from '../../matrix/receipt.ts'
import type { RoomVersion } from '../../matrix/room-versions.ts'

/** Signatures and hashes of events, in order; the servers in `notaries` may help with keys that cannot be had otherwise. */
export type VerifyEvents = (
  events: readonly { readonly raw: JsonObject; readonly version: RoomVersion }[],
  notaries: readonly ServerName[],
) => Promise<readonly Receipt[]>

export interface Source {
  readonly roomId: RoomId
  readonly version: RoomVersion
  /** Servers that may help with keys: whoever was asked about the past of a room, nobody about its present. */
  readonly notaries: readonly ServerName[]
}

export type Checked =
  | { readonly pdu: Pdu }
  /** `later`: it may hold when it comes again, since a key could not be had. */
  | { readonly problem: string; readonly raw: JsonObject; readonly later: boolean }

/** Server-server API, "Checks performed on receipt of a PDU", 1 to 3: what remains of events that another server sent, in order. */
export async function checkEvents(
  verify: VerifyEvents,
  { roomId, version, notaries }: Source,
  raws: readonly JsonObject[],
): Promise<readonly Checked[]> {
  const formed = await withTurns(raws, (raw) => ({
    raw,
    version,
    problem: checkReceivedFormat(raw, version),
  }))
  const wellFormed = formed.filter(({ problem }) => problem === undefined)
  const receipts = new Map((await verify(wellFormed, notaries)).map((receipt, index) => [wellFormed[index]?.raw, receipt]))
  return withTurns(formed, ({ raw, problem }) => {
    if (problem !== undefined) return { problem, raw, later: false }
    const receipt = receipts.get(raw)
    if (!receipt || receipt.verdict === 'drop')
      return { problem: receipt?.problem ?? 'not checked', raw, later: receipt?.keyMissing === true }
    const pdu = toPdu(receipt.verdict === 'redact' ? receipt.event : raw, version)
    return pdu.roomId === roomId ? { pdu } : { problem: 'room_id: an event of another room', raw, later: false }
  })
}

/** Those that hold, each once. */
export async function validEvents(...parameters: Parameters<typeof checkEvents>): Promise<readonly Pdu[]> {
  const checked = await checkEvents(...parameters)
  return [...new Map(checked.flatMap((one) => ('pdu' in one ? [[one.pdu.eventId, one.pdu] as const] : []))).values()]
}

/** Events that are looked at in one turn of the event loop: some milliseconds. */
const perTurn = 100

/** `map`, with everybody else served in between: a state has ten thousands of events. */
async function withTurns<Item, Result>(items: readonly Item[], look: (item: Item) => Result): Promise<readonly Result[]> {
  const results: Result[] = []
  for (const item of items) {
    results.push(look(item))
    if (results.length % perTurn === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  return results
}
