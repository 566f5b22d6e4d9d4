import { SESSION_TTL_MS, SESSIONS_PER_AGENT_MAX } from '@agent-marketplace/protocol'
import { generateSigningKey } from '@agent-marketplace/protocol/signing'
import { describe, expect, test } from 'vitest'
import { engines } from '../../test/engines.ts'
import { callAs, openTestPlatform, proveKey, type TestAgent, type TestPlatform } from '../../test/platform.ts'
import { expectRefusal } from '../../test/refusal.ts'
import { errorBody } from '../api/wire-error.ts'
import { sweepIdentity } from './operations.ts'
import { isToken, makeToken } from './token.ts'

function proofOf({ deps }: TestPlatform, { agentId, keys }: Pick<TestAgent, 'agentId' | 'keys'>) {
  return proveKey(keys, { agentId, audience: deps.config.origin, nowMs: deps.now() })
}

const whoamiWith = ({ deps }: TestPlatform, token: string | undefined) => callAs(deps, token).identity.whoami({})

test('a token can be told from noise by its check', () => {
  const token = makeToken('session')
  expect(token).toMatch(/^amk_ses_[0-9A-Za-z]{38}$/)
  expect(isToken('session', token)).toBe(true)
  expect(isToken('invite', token)).toBe(false)
  for (const at of [0, 8, 20, 45]) {
    const other = token[at] === 'x' ? 'y' : 'x'
    expect(isToken('session', `${token.slice(0, at)}${other}${token.slice(at + 1)}`)).toBe(false)
  }
  expect(isToken('session', `${token}0`)).toBe(false)
})

describe('a session', () => {
  test('lasts exactly an hour', async () => {
    await using platform = await openTestPlatform()
    const { token } = await platform.agent('alpha')

    platform.pass(SESSION_TTL_MS - 1)
    expect((await whoamiWith(platform, token)).agentId).toBe('alpha')
    platform.pass(1)
    await expectRefusal(platform, 'session_expired', () => whoamiWith(platform, token))
  })

  test('lasts as long as was asked for, which is not longer than an hour and not part of the proof', async () => {
    await using platform = await openTestPlatform()
    const { agentId, keys } = await platform.agent('alpha')
    const proof = () => proofOf(platform, { agentId, keys })
    const open = (ttlMs: number) => callAs(platform.deps).identity.openSession({ ...proof(), ttlMs })

    const { token, expiresAtMs } = await open(60_000)
    expect(expiresAtMs).toBe(platform.deps.now() + 60_000)
    for (const ttlMs of [0, 999, SESSION_TTL_MS + 1]) await expect(open(ttlMs)).rejects.toMatchObject({ code: 'BAD_REQUEST' })
    platform.pass(59_999)
    expect((await whoamiWith(platform, token)).agentId).toBe('alpha')
    platform.pass(1)
    await expectRefusal(platform, 'session_expired', () => whoamiWith(platform, token))
  })

  test('that the sweep has forgotten is unknown', async () => {
    await using platform = await openTestPlatform()
    const { token } = await platform.agent('alpha')
    platform.pass(SESSION_TTL_MS + 1)

    expect(await sweepIdentity(platform.deps)).toBeGreaterThan(0)
    await expectRefusal(platform, 'unauthenticated', () => whoamiWith(platform, token))
  })

  test.each(engines)('ends when its agent opens the 33rd, on $name: always the oldest', async (engine) => {
    await using platform = await openTestPlatform([], {}, { engine })
    const agent = await platform.agent('alpha')
    const other = await platform.agent('other')
    const tokens = [agent.token]
    for (let i = 1; i < SESSIONS_PER_AGENT_MAX; i++) {
      platform.pass(1)
      tokens.push((await platform.resume(agent)).token)
    }
    for (const token of tokens) expect((await whoamiWith(platform, token)).agentId).toBe('alpha')

    platform.pass(1)
    const newest = await platform.resume(agent)

    await expectRefusal(platform, 'unauthenticated', () => whoamiWith(platform, tokens[0]))
    for (const token of [...tokens.slice(1), newest.token, other.token]) await whoamiWith(platform, token)
  })

  test('that is new never ends for one of the same millisecond', async () => {
    await using platform = await openTestPlatform()
    const agent = await platform.agent('alpha')
    for (let i = 0; i < 2 * SESSIONS_PER_AGENT_MAX; i++) {
      const { token } = await platform.resume(agent)
      expect((await whoamiWith(platform, token)).agentId).toBe('alpha')
    }
  })

  test('is stored as a hash only', async () => {
    await using platform = await openTestPlatform()
    const { token } = await platform.agent('alpha')

    const rows = await platform.deps.db.read((reader) => reader.all('SELECT * FROM login_sessions'))

    expect(rows).toHaveLength(1)
    expect(rows[0]?.token_hash).toHaveLength(32)
    const secret = token.slice('amk_ses_'.length)
    for (const value of Object.values(rows[0] ?? {})) expect(Buffer.from(String(value)).includes(secret)).toBe(false)
  })
})

describe('answers that must not tell anything apart', () => {
  test('an unknown, a malformed and a revoked session', async () => {
    await using platform = await openTestPlatform()
    const agent = await platform.agent('alpha')
    await agent.api.identity.deregister({})
    const answers = new Set<string>()
    for (const token of [makeToken('session'), 'amk_ses_short', 'x', makeToken('invite'), agent.token]) {
      const refusal = await expectRefusal(platform, 'unauthenticated', () => whoamiWith(platform, token))
      answers.add(errorBody(refusal, 'request'))
    }
    expect([...answers]).toHaveLength(1)
  })

  test('a proof for an unknown agent, for one that left, and one by the wrong key', async () => {
    await using platform = await openTestPlatform()
    await platform.agent('alpha')
    const gone = await platform.agent('gone')
    await gone.api.identity.deregister({})
    const keys = generateSigningKey()
    const answers = new Set<string>()
    for (const proof of [
      proofOf(platform, { agentId: 'nobody', keys }),
      proofOf(platform, { agentId: 'alpha', keys }),
      proofOf(platform, gone),
      { ...proofOf(platform, { agentId: 'alpha', keys }), audience: 'https://other.example' },
    ]) {
      const refusal = await expectRefusal(platform, 'unauthenticated', () => callAs(platform.deps).identity.openSession(proof))
      answers.add(errorBody(refusal, 'request'))
    }
    expect([...answers]).toHaveLength(1)
  })
})

describe('a proof', () => {
  test('opens one session', async () => {
    await using platform = await openTestPlatform()
    const proof = proofOf(platform, await platform.agent('alpha'))
    await callAs(platform.deps).identity.openSession(proof)

    await expectRefusal(platform, 'unauthenticated', () => callAs(platform.deps).identity.openSession(proof))
  })

  test.each(engines)('that races with itself opens one session, on $name', async (engine) => {
    await using platform = await openTestPlatform([], {}, { engine })
    const proof = proofOf(platform, await platform.agent('alpha'))

    const racers = await Promise.allSettled(Array.from({ length: 10 }, () => callAs(platform.deps).identity.openSession(proof)))

    expect(racers.filter((each) => each.status === 'fulfilled')).toHaveLength(1)
  })

  test('is not good again when its nonce is forgotten', async () => {
    await using platform = await openTestPlatform()
    const proof = proofOf(platform, await platform.agent('alpha'))
    await callAs(platform.deps).identity.openSession(proof)

    for (let i = 0; i < 4; i++) {
      platform.pass(60_000)
      await sweepIdentity(platform.deps)
      await expectRefusal(platform, 'unauthenticated', () => callAs(platform.deps).identity.openSession(proof))
    }
    expect(await platform.deps.db.read((reader) => reader.all('SELECT * FROM login_nonces'))).toEqual([])
  })

  test('for another server is refused', async () => {
    await using platform = await openTestPlatform()
    const { keys } = await platform.agent('alpha')
    const proof = proveKey(keys, { agentId: 'alpha', audience: 'https://other.example', nowMs: platform.deps.now() })

    await expectRefusal(platform, 'unauthenticated', () => callAs(platform.deps).identity.openSession(proof))
  })

  test.each([60_001, -60_001])('of a clock that is %i ms off is refused', async (offMs) => {
    await using platform = await openTestPlatform()
    const { keys } = await platform.agent('alpha')
    const { config, now } = platform.deps
    const proof = proveKey(keys, { agentId: 'alpha', audience: config.origin, nowMs: now() + offMs })

    await expectRefusal(platform, 'unauthenticated', () => callAs(platform.deps).identity.openSession(proof))
  })
})

describe('whoami', () => {
  test('tells the caller of itself', async () => {
    await using platform = await openTestPlatform(['--operator', 'ops'])
    const agent = await platform.agent('alpha')
    const ops = await platform.agent('ops')

    expect(await agent.api.identity.whoami({})).toMatchObject({ agentId: 'alpha', status: 'active', role: 'agent', trustTier: 2 })
    expect((await ops.api.identity.whoami({})).role).toBe('operator')
  })
})
