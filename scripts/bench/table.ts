import { advantage, type Figure, verdictOf } from './figures.ts'

const ours = 'hausbote'

/** Markdown: every figure of Hausbote with its goal and, where another server was measured beside it, that one's and how many times better ours is. */
export function table(figures: readonly Figure[], others: readonly string[]): string {
  const head = ['part', 'figure', ours, 'goal', 'reached', ...others.flatMap((name) => [name, `${ours} is better`]), 'note']
  const rows = figures.map((figure) => {
    const { of, what, unit, values, note } = figure
    const own = values.get(ours)
    return [
      of,
      what,
      withUnit(own, unit),
      goalText(figure),
      verdictText(figure),
      ...others.flatMap((name) => {
        const value = values.get(name)
        const ratio = own === undefined || value === undefined ? undefined : advantage(figure, own, value)
        return [withUnit(value, unit), ratio === undefined ? '' : `${significant(ratio)} ×`]
      }),
      note,
    ]
  })
  return aligned([head, ...rows])
}

function aligned(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) => Math.max(3, ...rows.map((row) => row[column]?.length ?? 0))) ?? []
  const lines = rows.map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`)
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`
  return [lines[0], rule, ...lines.slice(1)].join('\n')
}

function withUnit(value: number | undefined, unit: string): string {
  return value === undefined ? '' : `${significant(value)} ${unit}`
}

function significant(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString('en')
  return String(Number(value.toPrecision(value >= 10 ? 3 : 2)))
}

function goalText({ goal, unit }: Figure): string {
  if (!goal) return ''
  return 'atLeast' in goal ? `≥ ${significant(goal.atLeast)} ${unit}` : `≤ ${significant(goal.atMost)} ${unit}`
}

function verdictText(figure: Figure): string {
  const verdict = verdictOf(figure, ours)
  if (verdict === undefined) return ''
  return verdict === 'reached' ? 'yes' : verdict === 'missed' ? '**no**' : '**NO, by far**'
}
