import { describe, expect, test } from 'vitest'
import { BadConfiguration, parseConfig } from './config.ts'
import { FLAGS } from './flags.ts'

const env = { AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: 'hunter2' }

function faultsOf(args: string[], variables: Record<string, string> = {}): readonly string[] {
  try {
    parseConfig(args, { ...env, ...variables })
  } catch (error) {
    if (error instanceof BadConfiguration) return error.faults
    throw error
  }
  return []
}

describe('a flag that the plane which is served would not heed', () => {
  test.each([
    ['control', '--relay-listen', '127.0.0.1:0'],
    ['control', '--relay-capacity', '1GiB'],
    ['control', '--relay-blobs', 's3://bodies/relay'],
    ['control', '--relay-token-keys', 'keys.json'],
    ['relay', '--listen', '127.0.0.1:0'],
    ['relay', '--origin', 'https://market.example.org'],
    ['relay', '--database', 'postgres:///market'],
    ['relay', '--registration', 'open'],
    ['relay', '--deposits', 'open'],
    ['relay', '--operator', 'alice'],
    ['relay', '--fee-bps', '1'],
    ['relay', '--rate-limits', 'off'],
    ['relay', '--trusted-proxy', '10.0.0.1'],
  ])('--plane %s with %s is refused', (plane, flag, value) => {
    expect(faultsOf(['--plane', plane, flag, value])).toEqual([expect.stringMatching(new RegExp(`^${flag}: is for`))])
  })

  test('every flag is for one plane, or is heeded by both', () => {
    const heededByBoth = ['data', 'init', 'log-level', 'plane', 'relay-origin', 'relay-token-keys', 'relay-tokens']
    const names = Object.keys(FLAGS) as (keyof typeof FLAGS)[]
    expect(names.filter((name) => !('plane' in FLAGS[name])).sort()).toEqual(heededByBoth)
  })

  test('is no fault as a variable, because one file of them may be for two processes', () => {
    const shared = { AGENT_MARKETPLACE_RELAY_BLOBS: 's3://bodies/relay', AGENT_MARKETPLACE_OPERATORS: 'alice' }
    for (const plane of ['both', 'control', 'relay']) expect(faultsOf(['--plane', plane], shared)).toEqual([])
  })
})

test('a flag that needs a value is not given an empty one, as a variable that is not set makes it in a shell', () => {
  expect(faultsOf(['--data', '', '--listen='])).toEqual(['--data: expected DIR', '--listen: expected HOST:PORT'])
})
