import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'smol-toml'
import { expect, test } from 'vitest'
import { answersOf } from '../../src/setup/answers.ts'
import { provision } from '../../src/setup/provision.ts'
import { checkProvisioning } from '../../src/setup/provisioning.ts'
import { createPage, goodPassword } from './kit.ts'

const document = readFileSync(join(import.meta.dirname, '../../docs/provisioning.md'), 'utf8')
const example = parse(/```toml\n([\s\S]*?)```/.exec(document)?.[1] ?? '')

function problemsOf(content: unknown): readonly string[] {
  const found = checkProvisioning(content)
  return 'problems' in found ? found.problems : []
}

test('the file in the document is right, and has every field', () => {
  expect(problemsOf(example)).toEqual([])
  const fields = ['claim_code', 'language', 'server_name', 'technician', 'practice', 'owner', 'reach', 'backup', 'staff', 'box']
  expect(Object.keys(example).toSorted()).toEqual(fields.toSorted())
})

test('a file with every field wrong is refused with all its problems at once', () => {
  const wrong = {
    claim_code: 'UUUU-UUUU',
    language: 'fr',
    server_name: 'Praxis Sommer',
    technician: 7,
    practice: { name: '', mode: 'closed' },
    owner: {},
    reach: { way: 'pigeon' },
    backup: { repository: '/media/usb', passphrase: 'short' },
    staff: [{ name: 'Anna', role: 'queen', rooms: ['cellar'], user_name: 'Anna B' }],
    colour: 'green',
  }
  const problems = problemsOf(wrong)
  for (const field of [
    'claim_code',
    'language',
    'server_name',
    'technician',
    'practice.name',
    'practice.mode',
    'owner.name',
    'reach.way',
    'backup.passphrase',
    'staff.0.role',
    'staff.0.rooms.0',
    'staff.0.user_name',
    'colour',
  ])
    expect(
      problems.filter((problem) => problem.startsWith(`${field}: `)),
      field,
    ).toHaveLength(1)
})

test.each([
  [{ reach: { way: 'own' } }, 'reach.host: must be a name such as chat.praxis-sommer.de'],
  [{ reach: { way: 'proxy', host: '192.168.1.1' } }, 'reach.host: must be a name such as chat.praxis-sommer.de'],
  [{ server_name: 'localhost' }, 'server_name: must be a name such as praxis-sommer.de'],
])('%j is refused', (content, problem) => {
  expect(problemsOf(content)).toEqual([problem])
})

test('what a file answers is not asked', async () => {
  const page = await createPage()
  const found = checkProvisioning({ ...example, staff: [], backup: { repository: '/nowhere', passphrase: 'a passphrase' } })
  if ('problems' in found) throw new Error(found.problems.join('\n'))
  await provision(page.storage, page.clock, found)
  expect(await page.setup.renewClaimCode(found.claimCode)).toBe('7K3M-9QTX')
  const visitor = page.visitor()
  const owner = await visitor.send('/claim', '/claim', { code: '7k3m9qtx' })
  expect(owner.text).toContain('value="Dr. Maria Sommer"')
  const fields = { language: 'de', name: 'Dr. Maria Sommer', password: goodPassword, password_again: goodPassword }
  expect((await visitor.send('/setup/owner', '/setup/owner', fields)).path).toBe('/setup/backup')
  expect(answersOf(page.storage.reader)).toMatchObject({
    practice: { name: 'Praxis Dr. Sommer', mode: 'open' },
    serverName: 'praxis-sommer.de',
    reach: { way: 'own', host: 'chat.praxis-sommer.de' },
  })
})

test('a file changes nothing that was answered, and nothing at all once somebody owns the box', async () => {
  const page = await createPage()
  const first = checkProvisioning({ practice: { name: 'First' } })
  const second = checkProvisioning({ practice: { name: 'Second' }, server_name: 'second.example' })
  if ('problems' in first || 'problems' in second) throw new Error('wrong file')
  await provision(page.storage, page.clock, first)
  await provision(page.storage, page.clock, second)
  expect(answersOf(page.storage.reader)).toMatchObject({ practice: { name: 'First' }, serverName: 'second.example' })
})
