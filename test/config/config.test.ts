import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ConfigProblems, loadConfig, settings } from '../../src/config.ts'

/** A configuration file with this text. */
function fileWith(text: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'hausbote-config-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'hausbote.toml')
  writeFileSync(file, text)
  return file
}

function problemsOf(environment: Record<string, string>): readonly string[] {
  try {
    loadConfig(environment)
  } catch (error) {
    if (error instanceof ConfigProblems) return error.problems
    throw error
  }
  return []
}

describe('the configuration', () => {
  it('has a default for everything', () => {
    const config = loadConfig({})
    expect(config.data_dir).toBe(resolve('data'))
    expect(config.server_name).toBe('localhost')
    expect(config.listen).toEqual({ host: '127.0.0.1', port: 8008 })
    expect(config.registration).toBe('closed')
    expect(config.registration_shared_secret).toBeUndefined()
    expect(config.rate_limits).toBe(true)
    expect(config.encrypt_new_rooms).toBe(true)
    expect(config.default_room_version).toBe('12')
    expect(config.metrics_listen).toBeUndefined()
  })

  it('is frozen', () => {
    const config = loadConfig({})
    expect(() => Object.assign(config, { server_name: 'other.test' })).toThrow(TypeError)
    expect(config.server_name).toBe('localhost')
  })

  it('reads the environment', () => {
    const config = loadConfig({
      HAUSBOTE_DATA_DIR: 'some/where',
      HAUSBOTE_SERVER_NAME: 'praxis.example:8448',
      HAUSBOTE_LISTEN: '[::1]:0',
      HAUSBOTE_METRICS_LISTEN: 'localhost:9000',
      HAUSBOTE_REGISTRATION: 'token',
      HAUSBOTE_REGISTRATION_SHARED_SECRET: 'secret',
      HAUSBOTE_RATE_LIMITS: 'off',
      HAUSBOTE_DEFAULT_ROOM_VERSION: '11',
      HAUSBOTE_MAX_UPLOAD_BYTES: '2048',
      HAUSBOTE_ALLOW_ADDRESSES: '127.0.0.0/8, fd00::/8,192.168.1.7',
      HAUSBOTE_LOG_LEVEL: 'debug',
      OTHER_PROGRAM: 'is none of ours',
    })
    expect(config).toMatchObject({
      data_dir: resolve('some/where'),
      server_name: 'praxis.example:8448',
      listen: { host: '::1', port: 0 },
      metrics_listen: { host: 'localhost', port: 9000 },
      registration: 'token',
      registration_shared_secret: 'secret',
      rate_limits: false,
      default_room_version: '11',
      max_upload_bytes: 2048,
      log_level: 'debug',
    })
    const allowed = config.allow_addresses
    expect(allowed.check('127.8.8.8')).toBe(true)
    expect(allowed.check('fd12::1', 'ipv6')).toBe(true)
    expect(allowed.check('192.168.1.7')).toBe(true)
    expect(allowed.check('192.168.1.8')).toBe(false)
  })

  it('reads a file, and the environment wins', () => {
    const file = fileWith('server_name = "file.test"\nmax_upload_bytes = 4096\nrate_limits = false\nregistration = "open"\n')
    const config = loadConfig({ HAUSBOTE_CONFIG: file, HAUSBOTE_REGISTRATION: 'closed' })
    expect(config).toMatchObject({ server_name: 'file.test', max_upload_bytes: 4096, rate_limits: false, registration: 'closed' })
  })

  it('lets the server speak with others, with a certificate and its key or with neither', () => {
    const file = fileWith('')
    const listen = { HAUSBOTE_FEDERATION_LISTEN: '0.0.0.0:8448' }
    expect(loadConfig({})).toMatchObject({ federation_listen: undefined })
    expect(loadConfig(listen)).toMatchObject({ federation_listen: { host: '0.0.0.0', port: 8448 }, tls_key: undefined })
    const both = { ...listen, HAUSBOTE_TLS_CERTIFICATE: file, HAUSBOTE_TLS_KEY: file }
    expect(loadConfig(both)).toMatchObject({ tls_certificate: file, tls_key: file })
    expect(problemsOf({ ...listen, HAUSBOTE_TLS_CERTIFICATE: file })).toEqual([
      'HAUSBOTE_TLS_KEY: is needed together with HAUSBOTE_TLS_CERTIFICATE',
    ])
    expect(problemsOf({ ...listen, HAUSBOTE_TLS_KEY: file })).toEqual([
      'HAUSBOTE_TLS_CERTIFICATE: is needed together with HAUSBOTE_TLS_KEY',
    ])
  })

  it('takes existing files only', () => {
    const file = fileWith('')
    expect(loadConfig({ HAUSBOTE_EXTRA_CA: file }).extra_ca).toBe(file)
    expect(problemsOf({ HAUSBOTE_EXTRA_CA: `${file}.missing` })).toEqual([`HAUSBOTE_EXTRA_CA: there is no file ${file}.missing`])
  })
})

describe('a wrong configuration', () => {
  it('is refused with every problem at once, each by its name', () => {
    const file = fileWith('presence = "maybe"\nserver_nam = "typo.test"\nlisten = ["a", "b"]\n')
    const problems = problemsOf({
      HAUSBOTE_CONFIG: file,
      HAUSBOTE_LOG_LEVEL: 'loud',
      HAUSBOTE_REGISTRATION: '',
      HAUSBOTE_SETUP_LISTEN: 'on',
      HAUSBOTE_LISTN: '127.0.0.1:8008',
    })
    const expected = [
      `server_nam (${file}): there is no such setting`,
      `listen (${file}): must be a text or a number`,
      'HAUSBOTE_LISTN: there is no such setting',
      'HAUSBOTE_REGISTRATION: must be one of: closed, token, open',
      `presence (${file}): must be one of: on, off`,
      'HAUSBOTE_LOG_LEVEL: must be one of: fatal, error, warn, info, debug, trace',
      'HAUSBOTE_SETUP_LISTEN: must be host:port, for example 127.0.0.1:8008',
    ]
    expect([...problems].sort()).toEqual(expected.sort())
  })

  it('names a file that is missing or not TOML', () => {
    expect(problemsOf({ HAUSBOTE_CONFIG: '/nonexistent/hausbote.toml' })).toEqual([
      expect.stringMatching(/^HAUSBOTE_CONFIG: \/nonexistent\/hausbote\.toml cannot be read: /),
    ])
    const file = fileWith('server_name = \n')
    expect(problemsOf({ HAUSBOTE_CONFIG: file })).toEqual([expect.stringContaining(`HAUSBOTE_CONFIG: ${file} cannot be read`)])
  })

  it.each([
    ['HAUSBOTE_DATA_DIR', ''],
    ['HAUSBOTE_SERVER_NAME', 'no spaces here'],
    ['HAUSBOTE_SERVER_NAME', ''],
    ['HAUSBOTE_LISTEN', '8008'],
    ['HAUSBOTE_LISTEN', '127.0.0.1:70000'],
    ['HAUSBOTE_LISTEN', '::1:8008'],
    ['HAUSBOTE_LISTEN', 'off'],
    ['HAUSBOTE_METRICS_LISTEN', 'on'],
    ['HAUSBOTE_PUBLIC_URL', 'chat.example.org'],
    ['HAUSBOTE_PUBLIC_URL', 'ftp://chat.example.org'],
    ['HAUSBOTE_RATE_LIMITS', 'true'],
    ['HAUSBOTE_DEFAULT_ROOM_VERSION', '13'],
    ['HAUSBOTE_REGISTRATION_SHARED_SECRET', ''],
    ['HAUSBOTE_MAX_UPLOAD_BYTES', '1023'],
    ['HAUSBOTE_MAX_UPLOAD_BYTES', '-5'],
    ['HAUSBOTE_MAX_UPLOAD_BYTES', '1e9'],
    ['HAUSBOTE_ALLOW_ADDRESSES', '10.0.0.0/33'],
    ['HAUSBOTE_ALLOW_ADDRESSES', '10.0.0.0/'],
    ['HAUSBOTE_ALLOW_ADDRESSES', '10.0.0.0/8/8'],
    ['HAUSBOTE_ALLOW_ADDRESSES', 'localhost'],
  ])('refuses %s=%j', (name, value) => {
    expect(problemsOf({ [name]: value })).toEqual([expect.stringMatching(new RegExp(`^${name}: `))])
  })

  it('does not repeat a secret', () => {
    const file = fileWith('registration_shared_secret = ["hunter2"]\n')
    expect(problemsOf({ HAUSBOTE_CONFIG: file }).join('\n')).not.toContain('hunter2')
  })
})

describe('the settings', () => {
  it('have their public names', () => {
    for (const [name, { environment }] of Object.entries(settings)) expect(environment).toBe(`HAUSBOTE_${name.toUpperCase()}`)
    for (const name of [
      'DATA_DIR',
      'SERVER_NAME',
      'LISTEN',
      'FEDERATION_LISTEN',
      'SETUP_LISTEN',
      'METRICS_LISTEN',
      'TLS_CERTIFICATE',
      'TLS_KEY',
      'EXTRA_CA',
      'REGISTRATION',
      'REGISTRATION_SHARED_SECRET',
      'RATE_LIMITS',
      'DEFAULT_ROOM_VERSION',
      'ALLOW_ADDRESSES',
      'LOG_LEVEL',
    ])
      expect(Object.values(settings).map(({ environment }) => environment)).toContain(`HAUSBOTE_${name}`)
  })

  it('document the default that they have', () => {
    for (const [name, setting] of Object.entries(settings)) {
      const written = /^`(.+)`$/.exec(setting.fallbackText)?.[1]
      if (written === undefined) expect(setting.fallbackText, name).toBe('none')
      else expect(setting.read(written), name).toEqual({ value: setting.fallback })
    }
  })
})
