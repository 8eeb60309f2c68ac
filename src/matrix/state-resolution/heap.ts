/** Gives back what was put in, smallest first; O(log n) each. */
export interface Heap<Item> {
  push(item: Item): void
  pop(): Item | undefined
}

export function createHeap<Item>(compare: (a: Item, b: Item) => number): Heap<Item> {
  // The smallest is at 0, and none is smaller than the one above it, at (index - 1) / 2.
  const items: Item[] = []
  const swapIfSmaller = (below: number, above: number): boolean => {
    const a = items[below]
    const b = items[above]
    if (a === undefined || b === undefined || compare(a, b) >= 0) return false
    items[below] = b
    items[above] = a
    return true
  }
  return {
    push(item) {
      items.push(item)
      for (let at = items.length - 1; at > 0; ) {
        const above = (at - 1) >> 1
        if (!swapIfSmaller(at, above)) return
        at = above
      }
    },
    pop() {
      const smallest = items[0]
      const last = items.pop()
      if (last === undefined || items.length === 0) return smallest
      items[0] = last
      for (let at = 0; ; ) {
        const left = 2 * at + 1
        const right = left + 1
        const rightIsSmaller = right < items.length && compare(items[right]!, items[left]!) < 0
        const below = rightIsSmaller ? right : left
        if (!swapIfSmaller(below, at)) return smallest
        at = below
      }
    },
  }
}
