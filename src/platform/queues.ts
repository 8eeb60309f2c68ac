/** Runs tasks with the same key one after the other, those with different keys side by side. */
export type Queues = <Result>(key: number | string, task: () => Promise<Result>) => Promise<Result>

export function createQueues(): Queues {
  const tails = new Map<number | string, Promise<unknown>>()
  return (key, task) => {
    const before = tails.get(key)
    const result = before ? before.then(task, task) : task()
    const tail = result
      .catch(() => undefined)
      .finally(() => {
        if (tails.get(key) === tail) tails.delete(key)
      })
    tails.set(key, tail)
    return result
  }
}
