import type { Status } from '../operations/status.ts'
import type { Reader } from '../storage/handles.ts'
import { answersOf } from './answers.ts'
import type { Messenger } from './messenger.ts'
import { type Absence, lastAbsence } from './pulse.ts'
import { lonelyRooms } from './staff/orphans.ts'
import { type Language, type TextKey, type Translate, timeText } from './texts.ts'

/** One thing that the owner should know of, and what to do about it. */
export interface Light {
  readonly id: string
  /** `grey`: it is not in use. */
  readonly colour: 'green' | 'yellow' | 'red' | 'grey'
  readonly name: string
  readonly sentence: string
  readonly action?: { readonly path: string; readonly label: string }
}

interface Lamp {
  readonly text: Translate
  readonly language: Language
}

const colours = { ok: 'green', warn: 'yellow', fail: 'red' } as const

/** All lights of the start page, the same for the page and for whoever asks otherwise. */
export async function lightsOf(reader: Reader, messenger: Messenger, lamp: Lamp): Promise<readonly Light[]> {
  const { text } = lamp
  const { running } = messenger
  if (!running) {
    const sentence = text('start.messagesStopped', { problem: messenger.problem ?? '' })
    return [{ id: 'messages', colour: 'red', name: text('light.messages'), sentence }]
  }
  const status = await running.operations.status()
  const { reach, recovery } = answersOf(reader)
  const lonely = lonelyRooms(reader).length
  return [
    messages(lamp, status),
    partners(lamp, status, running.publicUrl !== undefined || reach?.way === 'own'),
    certificate(lamp, status, reach?.way),
    clock(lamp, status),
    disk(lamp, status),
    backup(lamp, status),
    recovery === 'confirmed'
      ? { id: 'sheet', colour: 'green', name: text('light.sheet'), sentence: text('light.sheetOk') }
      : {
          id: 'sheet',
          colour: 'yellow',
          name: text('light.sheet'),
          sentence: text('light.sheetMissing'),
          action: { path: '/recovery', label: text('light.sheetAction') },
        },
    ...(lonely === 0
      ? []
      : [
          {
            id: 'rooms',
            colour: 'yellow',
            name: text('light.rooms'),
            sentence: text('light.roomsLonely', { count: lonely }),
            action: { path: '/staff', label: text('light.roomsAction') },
          } as const,
        ]),
    ...restored(lamp, status),
    ...absence(lamp, lastAbsence(reader), status.at),
    {
      id: 'version',
      colour: 'green',
      name: text('light.version'),
      sentence: text('light.versionText', { version: status.version }),
    },
  ]
}

function messages({ text }: Lamp, { messages: { state, problem } }: Status): Light {
  const known = problem === 'full' || problem === 'clock' || problem === 'slow'
  const sentence =
    problem === null
      ? text('light.messagesOk')
      : known
        ? text(`light.messages${problem}`)
        : text('light.messagesother', { problem })
  return { id: 'messages', colour: colours[state], name: text('light.messages'), sentence }
}

function partners({ text, language }: Lamp, { partners: found }: Status, outward: boolean): Light {
  const light = { id: 'partners', name: text('light.partners') }
  const { known, lastContact, unreachable, waitingMessages: waiting, state } = found
  if (!outward && known === 0) return { ...light, colour: 'grey', sentence: text('light.partnersLocal') }
  if (known === 0) return { ...light, colour: 'green', sentence: text('light.partnersNone') }
  const action = { path: '/partners', label: text('partners.list') }
  if (state === 'fail') return { ...light, colour: 'red', sentence: text('light.partnersAll', { waiting }), action }
  if (unreachable.length > 0) {
    const names = unreachable.slice(0, 3).map(({ server }) => server)
    const more = unreachable.length > names.length ? ['…'] : []
    const sentence = text('light.partnersWait', { names: [...names, ...more].join(', '), waiting })
    return { ...light, colour: colours[state], sentence, action }
  }
  const time = lastContact === null ? '–' : timeText(language, lastContact)
  return { ...light, colour: 'green', sentence: text('light.partnersOk', { count: known, time }), action }
}

function certificate({ text, language }: Lamp, { certificate: found }: Status, way: string | undefined): Light {
  const light = { id: 'certificate', name: text('light.certificate') }
  if (found.notAfter === null) {
    if (way === 'proxy') return { ...light, colour: 'green', sentence: text('light.certificateProxy') }
    if (way !== 'own') return { ...light, colour: 'grey', sentence: text('light.certificateLocal') }
    const action = { path: '/certificate', label: text('light.certificateAction') }
    return { ...light, colour: 'red', sentence: text('light.certificateMissing'), action }
  }
  const keys = { ok: 'light.certificateOk', warn: 'light.certificateSoon', fail: 'light.certificateOver' } as const
  const sentence = text(keys[found.state], { date: timeText(language, found.notAfter) })
  const action = { path: '/certificate', label: text('light.certificateAction') }
  return { ...light, colour: colours[found.state], sentence, ...(found.state !== 'ok' && { action }) }
}

function clock({ text, language }: Lamp, { clock: { state, checkedAt, ahead } }: Status): Light {
  const sentence =
    state !== 'ok'
      ? text('light.clockWrong')
      : checkedAt === null || ahead === null
        ? text('light.clockUnknown')
        : text('light.clockOk', { time: timeText(language, checkedAt) })
  return { id: 'clock', colour: state === 'ok' && ahead === null ? 'grey' : colours[state], name: text('light.clock'), sentence }
}

function disk({ text, language }: Lamp, { disk: found }: Status): Light {
  const size = (bytes: number) => {
    const gigabytes = bytes / 1024 ** 3
    const digits = gigabytes < 10 ? 1 : 0
    return `${gigabytes.toLocaleString(language === 'de' ? 'de-DE' : 'en-GB', { maximumFractionDigits: digits })} GB`
  }
  const sizes = { free: size(found.freeBytes), total: size(found.totalBytes) }
  const days = found.forecastDays
  const sentence =
    found.state === 'fail'
      ? text('light.diskFull')
      : found.state === 'warn'
        ? text('light.diskWarn', sizes)
        : days === null
          ? text('light.diskOk', sizes)
          : text('light.diskForecast', { ...sizes, days })
  return { id: 'disk', colour: colours[found.state], name: text('light.disk'), sentence }
}

const backupReasons: Readonly<Record<string, TextKey>> = {
  'not-set-up': 'light.backupnot-set-up',
  never: 'light.backupnever',
  old: 'light.backupold',
  failed: 'light.backupfailed',
  'not-tested': 'light.backupnot-tested',
}

function backup({ text, language }: Lamp, { backup: found }: Status): Light {
  const time = found.lastSuccess === null ? '–' : timeText(language, found.lastSuccess)
  const test = found.lastTest === null ? '–' : timeText(language, found.lastTest)
  const key = (found.reason !== null && backupReasons[found.reason]) || 'light.backupOk'
  const sentence = text(key, { time, test, problem: found.problem ?? '' })
  const action = { path: '/backup', label: text('light.backupAction') }
  return {
    id: 'backup',
    colour: colours[found.state],
    name: text('light.backup'),
    sentence,
    ...(found.state !== 'ok' && { action }),
  }
}

/** For how long an absence is news. */
const absenceIsNews = 3 * 86_400_000

function absence({ text, language }: Lamp, absent: Absence | undefined, now: number): readonly Light[] {
  if (!absent || now - absent.to > absenceIsNews) return []
  const sentence = text('light.absenceText', { from: timeText(language, absent.from), to: timeText(language, absent.to) })
  return [{ id: 'absence', colour: 'grey', name: text('light.absence'), sentence }]
}

/** For how long a restore is news. */
const news = 14 * 86_400_000

function restored({ text, language }: Lamp, { restored: report, at }: Status): readonly Light[] {
  if (!report || at - report.restoredAt > news) return []
  const sentence = text('light.restoredText', {
    time: timeText(language, report.restoredAt),
    since: timeText(language, report.lostSince),
  })
  return [{ id: 'restored', colour: 'yellow', name: text('light.restored'), sentence }]
}
