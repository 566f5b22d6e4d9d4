import { describe, expect, test } from 'vitest'
import { BadConfiguration, parseConfig } from './config.ts'

const configOf = (args: string[], env: Record<string, string> = {}) => parseConfig(args, env).config

function faultsOf(args: string[], env: Record<string, string> = {}): readonly string[] {
  try {
    parseConfig(args, env)
  } catch (error) {
    if (error instanceof BadConfiguration) return error.faults
    throw error
  }
  return []
}

test('without flags the server is open, on loopback, and keeps its data where programs of this user do', () => {
  const config = configOf([])

  expect(config).toMatchObject({
    listen: { host: '127.0.0.1', port: 8080 },
    relayListen: { host: '127.0.0.1', port: 8081 },
    origin: 'http://127.0.0.1:8080',
    relayOrigin: 'http://127.0.0.1:8081',
    database: undefined,
    plane: 'both',
    registration: 'open',
    registrationToken: undefined,
    deposits: 'open',
    operators: [],
    feeBps: 0,
    relayTokens: 'off',
    rateLimits: 'on',
    trustedProxies: [],
    logLevel: 'info',
    init: false,
  })
  expect(config.dataDirectory).toMatch(/agent-marketplace.server$/)
})

test('a flag wins over its variable and an empty variable counts as absent', () => {
  const env = { AGENT_MARKETPLACE_ADDR: '127.0.0.1:9000', AGENT_MARKETPLACE_FEE_BPS: '250', AGENT_MARKETPLACE_PLANE: '' }

  expect(configOf(['--fee-bps', '10'], env)).toMatchObject({ listen: { port: 9000 }, feeBps: 10, plane: 'both' })
})

test('operators come from repeated flags or from a list in the environment', () => {
  expect(configOf(['--operator', 'alice', '--operator=bob']).operators).toEqual(['alice', 'bob'])
  expect(configOf([], { AGENT_MARKETPLACE_OPERATORS: 'alice, bob' }).operators).toEqual(['alice', 'bob'])
})

test('proxies that are believed are named one by one, never everybody', () => {
  const env = { AGENT_MARKETPLACE_TRUSTED_PROXIES: '10.0.0.0/8, ::1' }

  expect(configOf([], env).trustedProxies).toEqual(['10.0.0.0/8', '::1'])
  expect(faultsOf(['--trusted-proxy', '0.0.0.0/0', '--trusted-proxy', 'proxy.example.org'])).toEqual([
    '--trusted-proxy: expected an address or a network, such as 10.0.0.0/8',
    '--trusted-proxy: expected an address or a network, such as 10.0.0.0/8',
  ])
})

test('an address other than loopback closes registration and deposits unless they were opened by name', () => {
  const abroad = ['--listen', '192.0.2.7:80', '--plane', 'control']

  expect(configOf(abroad)).toMatchObject({
    origin: 'http://192.0.2.7',
    relayOrigin: undefined,
    registration: 'invite',
    deposits: 'operator',
  })
  expect(configOf([...abroad, '--registration', 'open', '--deposits', 'open'])).toMatchObject({
    registration: 'open',
    deposits: 'open',
  })
})

test('a public origin in front of a loopback address counts as an address other than loopback', () => {
  const config = configOf(['--origin', 'https://market.example.org', '--plane', 'control'])

  expect(config).toMatchObject({ registration: 'invite', deposits: 'operator' })
})

test('an IPv6 address is written in brackets', () => {
  expect(configOf(['--listen', '[::1]:8080'])).toMatchObject({
    listen: { host: '::1', port: 8080 },
    origin: 'http://[::1]:8080',
    registration: 'open',
  })
})

test('the words of a subcommand are told apart from the flags', () => {
  expect(parseConfig(['backup', 'somewhere', '--init'], {})).toMatchObject({
    words: ['backup', 'somewhere'],
    config: { init: true },
  })
})

test('every fault is reported, each on its own line with its source and without the value', () => {
  const args = ['--listen', 'nonsense', '--plane', 'both!', '--operator', 'A!', '--verbose', '--init=yes', '--relay-listen']
  const env = {
    AGENT_MARKETPLACE_FEE_BPS: '10001',
    AGENT_MARKETPLACE_DATABASE_URL: 'mysql://root:hunter2@db/x',
    AGENT_MARKETPLACE_REGISTRATION_TOKEN: 'two words',
  }
  const faults = faultsOf(args, env)

  expect(faults.map((fault) => fault.split(':')[0])).toEqual([
    '--verbose',
    '--init',
    '--relay-listen',
    '--plane',
    '--listen',
    'AGENT_MARKETPLACE_DATABASE_URL',
    'AGENT_MARKETPLACE_REGISTRATION_TOKEN',
    '--operator',
    'AGENT_MARKETPLACE_FEE_BPS',
  ])
  expect(faults.join('\n')).not.toMatch(/nonsense|both!|A!|10001|hunter2|two words/)
})

describe('what only loopback may have is refused elsewhere', () => {
  test.each([
    ['rate limits off', ['--listen', '192.0.2.7:80', '--plane', 'control', '--rate-limits', 'off'], /^--rate-limits/],
    ['a relay without tokens', ['--relay-listen', '192.0.2.7:81', '--relay-tokens', 'off'], /^--relay-tokens: off/],
  ])('%s', (_, args, fault) => {
    expect(faultsOf(args)).toEqual([expect.stringMatching(fault)])
  })
})

describe('tokens of the relay', () => {
  test.each([
    ['a relay on loopback', [], 'off'],
    ['a relay on loopback, if asked for', ['--relay-tokens', 'on'], 'on'],
    ['a relay on another address', ['--relay-listen', '192.0.2.7:81'], 'on'],
    ['a relay behind a public origin', ['--relay-origin', 'https://relay.example.org'], 'on'],
    ["somebody else's relay", ['--plane', 'control', '--relay-origin', 'https://relay.example.org'], 'on'],
    ['no relay', ['--plane', 'control'], 'off'],
    ['a relay alone on loopback', ['--plane', 'relay'], 'off'],
    ["a relay alone with an issuer's keys", ['--plane', 'relay', '--relay-token-keys', 'keys.json'], 'on'],
    ["a relay alone with an issuer's address", ['--plane', 'relay', '--relay-token-keys', 'https://market.example.org/k'], 'on'],
  ])('%s', (_, args, relayTokens) => {
    expect(configOf(args)).toMatchObject({ relayTokens })
  })

  test.each([
    ['a relay alone without keys', ['--plane', 'relay', '--relay-tokens', 'on'], /^--relay-token-keys: needed/],
    [
      'a relay alone in public without keys',
      ['--plane', 'relay', '--relay-listen', '192.0.2.7:81'],
      /^--relay-token-keys: needed/,
    ],
    [
      'keys over plain http',
      ['--plane', 'relay', '--relay-token-keys', 'http://market.example.org/k'],
      /^--relay-token-keys: expected/,
    ],
    ['keys beside an issuer', ['--relay-token-keys', 'keys.json'], /^--relay-token-keys: is for/],
  ])('%s is refused', (_, args, fault) => {
    expect(faultsOf(args)).toEqual([expect.stringMatching(fault)])
  })
})

describe('the space and the bodies of the relay', () => {
  const env = { AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: 'hunter2', AWS_REGION: 'eu-central-1' }
  const blobs = ['--relay-blobs', 's3://bodies/relay']

  test('are 10 GiB in files unless something else is said', () => {
    expect(configOf([])).toMatchObject({ relayCapacity: 10 * 1024 ** 3, relayBlobs: undefined })
    expect(configOf(['--relay-capacity', '500MiB'])).toMatchObject({ relayCapacity: 500 * 1024 ** 2 })
  })

  test('may be in a bucket, with its keys from the environment', () => {
    expect(parseConfig(blobs, env).config.relayBlobs).toEqual({
      address: { bucket: 'bodies', prefix: 'relay/', endpoint: undefined, region: 'eu-central-1' },
      credentials: { accessKeyId: 'key', secretAccessKey: 'hunter2' },
    })
  })

  test.each([
    ['a bucket without keys', blobs, {}, /^--relay-blobs: AWS_ACCESS_KEY_ID/],
    ['a bucket with keys in its address', ['--relay-blobs', 's3://key:hunter2@bodies'], env, /^--relay-blobs: expected s3/],
    ['no number', ['--relay-capacity', 'much'], {}, /^--relay-capacity: expected/],
    ['a number without a unit', ['--relay-capacity', '1000'], {}, /^--relay-capacity: expected/],
    ['no space', ['--relay-capacity', '0GiB'], {}, /^--relay-capacity: expected/],
  ])('%s is refused', (_, args, env, fault) => {
    expect(faultsOf(args, env)).toEqual([expect.stringMatching(fault)])
    expect(faultsOf(args, env).join()).not.toContain('hunter2')
  })
})

test.each([
  ['every address of the machine without an origin', ['--listen', '0.0.0.0:80', '--plane', 'control'], /^--origin: needed/],
  ['every IPv6 address without an origin', ['--listen', '[::]:80', '--plane', 'control'], /^--origin: needed/],
  ['two planes on one address', ['--relay-listen', '127.0.0.1:8080'], /^--relay-listen: expected another/],
  ['a port that does not exist', ['--listen', '127.0.0.1:65536'], /^--listen: expected/],
  ['an origin with a path', ['--origin', 'http://127.0.0.1/x'], /^--origin: expected/],
  ['an origin that is spelled in another way', ['--origin', 'http://127.0.0.1:80'], /^--origin: expected/],
])('%s is refused', (_, args, fault) => {
  expect(faultsOf(args)).toEqual([expect.stringMatching(fault)])
})
