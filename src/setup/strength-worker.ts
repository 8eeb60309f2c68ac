// Runs on a thread of its own, which ends afterwards: the word lists take 45 MB.
import { parentPort, workerData } from 'node:worker_threads'
import { ZxcvbnFactory } from '@zxcvbn-ts/core'
import * as common from '@zxcvbn-ts/language-common'
import * as german from '@zxcvbn-ts/language-de'
import * as english from '@zxcvbn-ts/language-en'

const { password, words } = workerData as { password: string; words: string[] }
const checker = new ZxcvbnFactory({
  dictionary: { ...common.dictionary, ...withPrefix('de', german.dictionary), ...withPrefix('en', english.dictionary) },
  graphs: common.adjacencyGraphs,
})
parentPort?.postMessage(checker.check(password, words).guessesLog10)

/** Both languages have lists of the same names. */
function withPrefix<Value>(prefix: string, lists: Readonly<Record<string, Value>>): Record<string, Value> {
  return Object.fromEntries(Object.entries(lists).map(([name, list]) => [`${prefix}-${name}`, list]))
}
