import { chmodSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Conf from 'conf'
import { afterEach, expect, test, vi } from 'vitest'
import { makeTestHome } from '../test-home.ts'
import { homeDirectory } from './home.ts'
import { parseOrigin } from './origin.ts'
import { resolvePlace } from './resolve.ts'
import { readSettings, writeSettings } from './settings.ts'

afterEach(() => {
  vi.unstubAllEnvs()
})

test('the home directory is the one conf finds, unless it is named', () => {
  expect(homeDirectory({ ...process.env, AGENT_MARKETPLACE_HOME: undefined })).toBe(
    join(new Conf({ projectName: 'agent-marketplace', projectSuffix: '' }).path, '..'),
  )
  expect(homeDirectory({ AGENT_MARKETPLACE_HOME: '/tmp/with space 🗝' })).toBe('/tmp/with space 🗝')
})

test('without a home directory it says what to set', () => {
  vi.stubEnv('HOME', '')
  expect(() => homeDirectory({})).toThrow(
    expect.objectContaining({ code: 'local_state', hint: expect.stringContaining('AGENT_MARKETPLACE_HOME') }),
  )
})

test('settings come back as they were written, 0600 under umask 000, and keep what was not changed', async () => {
  using home = makeTestHome()
  const umask = process.umask(0)
  await writeSettings(home.path, { server: 'https://market.test' })
  await writeSettings(home.path, { output: 'json' })
  process.umask(umask)

  expect(readSettings(home.path)).toEqual({ server: 'https://market.test', output: 'json' })
  expect(statSync(join(home.path, 'config.json')).mode & 0o777).toBe(0o600)
})

test('settings that are exposed or damaged are refused', async () => {
  using home = makeTestHome()
  const path = join(home.path, 'config.json')
  for (const damage of ['', 'null', '[]x', '{"server":1}', '{"relayProxy":1}', '{"handoff":{"dealy":"private"}}']) {
    writeFileSync(path, damage, { mode: 0o600 })
    expect(() => readSettings(home.path)).toThrow(expect.objectContaining({ code: 'local_state' }))
  }
  chmodSync(path, 0o644)
  expect(() => readSettings(home.path)).toThrow(expect.objectContaining({ code: 'local_state', exit: 7 }))
})

test('a flag wins over the settings, and they over the defaults', async () => {
  using home = makeTestHome()
  const env = { AGENT_MARKETPLACE_HOME: home.path }
  expect(resolvePlace({}, env).options).toMatchObject({
    server: 'http://127.0.0.1:8080',
    profile: { name: 'default', directory: join(home.path, 'profiles', 'default') },
    timeoutMs: 30_000,
  })

  await writeSettings(home.path, { server: 'https://market.test', profile: 'second', relay: 'https://relay.test' })
  expect(resolvePlace({}, env).options).toMatchObject({
    server: 'https://market.test',
    relay: 'https://relay.test',
    profile: { name: 'second' },
  })
  expect(resolvePlace({ server: 'https://other.test:8443/', profile: 'third', timeout: 2 }, env).options).toMatchObject({
    server: 'https://other.test:8443',
    profile: { name: 'third' },
    timeoutMs: 2_000,
  })
})

test('the relay proxy comes from a flag, the environment or the settings, so that it is named once; its password from the environment alone', async () => {
  using home = makeTestHome()
  const env = { AGENT_MARKETPLACE_HOME: home.path }
  const proxyOf = (flags: object, more: object = {}) => resolvePlace(flags, { ...env, ...more }).options.relayProxy
  expect(proxyOf({})).toBeUndefined()
  await writeSettings(home.path, { relayProxy: 'socks5://127.0.0.1:9050' })
  expect(proxyOf({})).toBe('socks5://127.0.0.1:9050')
  expect(proxyOf({}, { AGENT_MARKETPLACE_RELAY_PROXY: 'http://me:secret@proxy.test:3128' })).toBe(
    'http://me:secret@proxy.test:3128',
  )
  expect(proxyOf({}, { AGENT_MARKETPLACE_RELAY_PROXY: '' })).toBeUndefined()
  expect(proxyOf({ 'relay-proxy': 'http://proxy.test:1' }, { AGENT_MARKETPLACE_RELAY_PROXY: 'http://proxy.test:2' })).toBe(
    'http://proxy.test:1',
  )

  const withPassword = 'http://me:secret@proxy.test:3128'
  const refused = expect.objectContaining({ code: 'usage', exit: 2, message: expect.not.stringContaining('secret') })
  expect(() => proxyOf({ 'relay-proxy': withPassword })).toThrow(refused)
  await writeSettings(home.path, { relayProxy: withPassword })
  expect(() => proxyOf({})).toThrow(refused)
})

test.each(['../x', '', 'a/b', '.', '-', 'a b', `a${'b'.repeat(63)}`])('"%s" is no profile', (profile) => {
  expect(() => resolvePlace({ profile }, { AGENT_MARKETPLACE_HOME: '/tmp/none' })).toThrow(
    expect.objectContaining({ code: 'usage' }),
  )
})

test.each(['http://127.0.0.1:8080', 'http://localhost', 'http://[::1]:1', 'https://market.test'])('%s is a server', (text) => {
  expect(parseOrigin(text, { what: 'the server', allowPlain: false })).toBe(text)
})

test.each([
  'http://market.test',
  'http://127.0.0.1.evil.test',
  'http://10.0.0.1',
  'http://localhost.evil.test',
  'http://0.0.0.0',
])('%s is refused: everybody on the way could read the session', (text) => {
  expect(() => parseOrigin(text, { what: 'the server', allowPlain: false })).toThrow(
    expect.objectContaining({ code: 'usage', exit: 2 }),
  )
  expect(parseOrigin(text, { what: 'the server', allowPlain: true })).toBe(text)
})

test.each([
  '',
  'market.test',
  'ftp://market.test',
  'https://a:b@market.test',
  'https://market.test/path',
  'https://market.test?x',
  'javascript:1',
  'file:///etc/passwd',
])('"%s" is no server', (text) => {
  expect(() => parseOrigin(text, { what: 'the server', allowPlain: true })).toThrow(expect.objectContaining({ code: 'usage' }))
})
