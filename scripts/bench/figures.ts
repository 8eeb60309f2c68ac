import type { MeasuredServer } from './servers.ts'

/** What a figure should be. `atLeast` makes it one where more is better. */
type Goal = { readonly atLeast: number } | { readonly atMost: number }

/** One thing that was measured, on one server or on several. */
export interface Figure {
  /** Scenario or part of the run. */
  readonly of: string
  readonly what: string
  readonly unit: string
  readonly moreIsBetter: boolean
  /** Neither more nor less is better. */
  readonly incomparable: boolean
  readonly goal: Goal | undefined
  /** By name of the server. */
  readonly values: ReadonlyMap<string, number>
  /** What disturbed it, or what else should be known. */
  readonly note: string
}

type FigureInput = Pick<Figure, 'of' | 'what' | 'unit'> & {
  readonly goal?: Goal
  readonly moreIsBetter?: boolean
  readonly incomparable?: boolean
  readonly note?: string
}

/** A figure of those servers that have a value; undefined when none has. */
export function figure(input: FigureInput, measured: ReadonlyMap<string, number | undefined>): Figure | undefined {
  const values = new Map([...measured].filter((entry): entry is [string, number] => Number.isFinite(entry[1])))
  if (values.size === 0) return undefined
  const moreIsBetter = input.goal ? 'atLeast' in input.goal : (input.moreIsBetter ?? false)
  const { of, what, unit, goal, incomparable = false, note = '' } = input
  return { of, what, unit, moreIsBetter, incomparable, goal, values, note }
}

/** The same for one server. */
export const figureOf = (
  server: Pick<MeasuredServer, 'name'>,
  value: number | undefined,
  input: FigureInput,
): Figure | undefined => figure(input, new Map([[server.name, value]]))

/** By how much `ours` is better than `other`: above 1 is better, whatever the figure's direction. Undefined where no direction is. */
export const advantage = ({ moreIsBetter, incomparable }: Figure, ours: number, other: number): number | undefined =>
  incomparable ? undefined : moreIsBetter ? ours / other : other / ours

export type Verdict = 'reached' | 'missed' | 'missed by far'

/** How far a goal may be missed before the run counts as failed: machines differ, but not by that much. */
const farFactor = 2

export function verdictOf({ goal, values }: Figure, server: string): Verdict | undefined {
  const value = values.get(server)
  if (!goal || value === undefined) return undefined
  const share = 'atLeast' in goal ? value / goal.atLeast : goal.atMost / value
  if (share >= 1) return 'reached'
  return share * farFactor >= 1 ? 'missed' : 'missed by far'
}
