import { BEATS_PER_MINUTE, MUTATIONS_BURST, READS_PER_MINUTE, UNAUTHENTICATED_PER_MINUTE } from '@agent-marketplace/protocol'
import { expect, test } from 'vitest'
import { clientKey } from './client-address.ts'
import { type AgentRate, type Counted, createRateLimits } from './rate-limit.ts'

const START_MS = 1_700_000_000_000

function countUntilRefused(call: () => Counted): number {
  for (let count = 0; ; count++) {
    const { refusal, quota } = call()
    if (!refusal) continue
    expect(refusal).toMatchObject({ code: 'rate_limited', retryAfterMs: expect.any(Number) })
    expect(quota).toContain(';r=0;')
    return count
  }
}

test.each<[AgentRate, number]>([
  ['read', READS_PER_MINUTE],
  ['mutation', MUTATIONS_BURST],
  ['beat', BEATS_PER_MINUTE],
])('an agent has its own count of %ss, up to %i at once', (kind, burst) => {
  const limits = createRateLimits(() => START_MS)

  expect(countUntilRefused(() => limits.takeForAgent('alice', kind))).toBe(burst)
  expect(limits.takeForAgent('bob', kind).quota).toBe(`"${kind}";r=${burst - 1};t=${kind === 'beat' ? 2 : 1}`)
})

test('calls without a session and refused sessions are counted apart, by address', () => {
  const limits = createRateLimits(() => START_MS)

  expect(countUntilRefused(() => limits.takeForAddress('192.0.2.1'))).toBe(UNAUTHENTICATED_PER_MINUTE)
  for (let count = 0; count < UNAUTHENTICATED_PER_MINUTE; count++) {
    expect(limits.peekAtGuesser('192.0.2.1').refusal).toBeUndefined()
    limits.noteRejected('192.0.2.1')
  }
  expect(limits.peekAtGuesser('192.0.2.1').refusal?.message).toContain('too many calls')
  expect(limits.peekAtGuesser('192.0.2.2').refusal).toBeUndefined()
})

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:db8:1:2::', '2001:db8:1:2::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  [undefined, 'gone'],
])('the client at %s is counted as %s', (address, key) => {
  expect(clientKey(address)).toBe(key)
})
