const ipv4 = /^(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])(?:\.(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])){3}$/
const group = /^[0-9A-Fa-f]{1,4}$/

export function isIpv4(text: string): boolean {
  return ipv4.test(text)
}

/** RFC 4291, section 2.2; no zone. */
export function isIpv6(text: string): boolean {
  const halves = text.split('::')
  if (halves.length > 2) return false
  const head = countGroups(halves[0]!, halves.length === 1)
  if (halves.length === 1) return head === 8
  const tail = countGroups(halves[1]!, true)
  return head !== undefined && tail !== undefined && head + tail < 8
}

/** 16-bit groups in a part of an address, an IPv4 tail counting as two; undefined where the part is malformed. */
function countGroups(part: string, mayEndInIpv4: boolean): number | undefined {
  if (part === '') return 0
  const groups = part.split(':')
  const last = groups.at(-1)!
  const embedded = mayEndInIpv4 && last.includes('.')
  const plain = embedded ? groups.slice(0, -1) : groups
  if (!plain.every((text) => group.test(text)) || (embedded && !isIpv4(last))) return undefined
  return plain.length + (embedded ? 2 : 0)
}
