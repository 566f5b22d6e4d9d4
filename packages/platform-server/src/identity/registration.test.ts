import { CARD_BYTES_MAX, PREKEY_LIFETIME_MS, type RegisterInput, toBase64url } from '@agent-marketplace/protocol'
import { generateSigningKey } from '@agent-marketplace/protocol/signing'
import { describe, expect, test } from 'vitest'
import { applicationOf, hashOf, readCard, signAnyCard } from '../../test/application.ts'
import { engines } from '../../test/engines.ts'
import { callAs, openTestPlatform, proveKey, signCard, signPrekey, type TestPlatform } from '../../test/platform.ts'
import { expectRefusal } from '../../test/refusal.ts'

let calls = 0
function register({ deps }: TestPlatform, input: RegisterInput, key = `key-${++calls}`) {
  return callAs(deps, undefined, key).identity.register(input)
}

describe('a first registration', () => {
  test('takes the id and publishes card and prekey', async () => {
    await using platform = await openTestPlatform()
    const input = applicationOf(platform.deps, { agentId: 'alpha' })

    expect(await register(platform, input)).toEqual({ agentId: 'alpha', outcome: 'registered', status: 'active' })

    const reader = await platform.agent('reader')
    expect(await reader.api.discovery.getAgent({ agentId: 'alpha' })).toEqual({
      agentId: 'alpha',
      status: 'active',
      alive: false,
      busy: false,
      capabilities: [],
      card: input.card,
      prekey: input.prekey,
    })
  })

  test('answers a retry under the same key from what is stored, though its proof is a fresh one', async () => {
    await using platform = await openTestPlatform()
    const keys = generateSigningKey()
    const input = applicationOf(platform.deps, { agentId: 'alpha', keys })
    const first = await register(platform, input, 'again')
    const proof = proveKey(keys, { agentId: 'alpha', audience: platform.deps.config.origin, nowMs: platform.deps.now() })

    expect(await register(platform, { ...input, proof }, 'again')).toEqual(first)
    await expectRefusal(platform, 'idempotency_key_reused', () =>
      register(platform, { ...applicationOf(platform.deps, { agentId: 'alpha', keys, name: 'other' }) }, 'again'),
    )
  })

  test.each(engines)('of one id by many keys at once lets one of them in, on $name', async (engine) => {
    await using platform = await openTestPlatform([], {}, { engine })
    const racers = Array.from({ length: 8 }, () => register(platform, applicationOf(platform.deps, { agentId: 'alpha' })))

    const results = await Promise.allSettled(racers)

    expect(results.filter((each) => each.status === 'fulfilled')).toHaveLength(1)
  })

  test.each<[string, (card: Record<string, unknown>) => object]>([
    ['a later number', (card) => ({ ...card, seq: 2 })],
    ['a card before it', (card) => ({ ...card, previous: toBase64url(new Uint8Array(32)) })],
    ['revoked', (card) => ({ ...card, status: 'revoked' })],
    ['another version', (card) => ({ ...card, v: 2 })],
    ['an unknown field', (card) => ({ ...card, metadata: {} })],
    ['no name', ({ name: _, ...card }) => card],
    ['a name with a line break', (card) => ({ ...card, name: 'a\nb' })],
    ['a name that reads backwards', (card) => ({ ...card, name: 'a\u202eb' })],
    ['a name that is too long', (card) => ({ ...card, name: 'x'.repeat(65) })],
    ['a description that is too long', (card) => ({ ...card, description: 'x'.repeat(281) })],
    ['a role', (card) => ({ ...card, role: 'operator' })],
    ['a key of another length', (card) => ({ ...card, signKey: toBase64url(new Uint8Array(31)) })],
    ['an id that is none', (card) => ({ ...card, agentId: 'Alpha' })],
  ])('is refused for a card with %s', async (_, spoil) => {
    await using platform = await openTestPlatform()
    const keys = generateSigningKey()
    const input = applicationOf(platform.deps, { agentId: 'alpha', keys })
    const card = signAnyCard(keys, spoil(readCard(input.card)))
    const proof = readCard(card).agentId === 'alpha' ? input.proof : { ...input.proof, agentId: 'alpha' }

    await expectRefusal(platform, 'invalid_input', () => register(platform, { ...input, card, proof }))
  })

  test.each([
    ['no JSON', 'hello'],
    ['a list', '[]'],
    ['null', 'null'],
    ['bytes that are no UTF-8', Buffer.from([0x7b, 0xff, 0x7d])],
  ])('is refused for a card that is %s', async (_, bytes) => {
    await using platform = await openTestPlatform()
    const input = applicationOf(platform.deps, { agentId: 'alpha' })
    const card = { ...input.card, cardBytes: Buffer.from(bytes).toString('base64url') }

    await expectRefusal(platform, 'invalid_input', () => register(platform, { ...input, card }))
  })

  test('is refused for a card that is too large', async () => {
    await using platform = await openTestPlatform()
    const input = applicationOf(platform.deps, { agentId: 'alpha' })
    const card = { ...input.card, cardBytes: 'A'.repeat(Math.ceil((CARD_BYTES_MAX * 4) / 3) + 1) }

    await expectRefusal(platform, 'invalid_input', () => register(platform, { ...input, card }))
  })
})

describe('what proves nothing is refused as unauthenticated and changes nothing:', () => {
  const spoiled: [string, (input: RegisterInput, at: { origin: string; nowMs: number }) => RegisterInput][] = [
    [
      'a card signed by another key',
      (input) => ({ ...input, card: { ...input.card, signature: strange(input).card.signature } }),
    ],
    ['a card that was changed', (input) => ({ ...input, card: { ...input.card, cardBytes: strange(input).card.cardBytes } })],
    ['a proof by another key', (input) => ({ ...input, proof: strange(input).proof })],
    ['a proof of another agent', (input) => ({ ...input, proof: { ...input.proof, agentId: 'beta' } })],
    ['a prekey by another key', (input) => ({ ...input, prekey: strange(input).prekey })],
    ['a signature of zeros', (input) => ({ ...input, card: { ...input.card, signature: toBase64url(new Uint8Array(64)) } })],
  ]
  test.each(spoiled)('%s', async (_, spoil) => {
    await using platform = await openTestPlatform()
    const { deps } = platform
    const input = applicationOf(deps, { agentId: 'alpha' })

    await expectRefusal(platform, 'unauthenticated', () =>
      register(platform, spoil(input, { origin: deps.config.origin, nowMs: deps.now() })),
    )
  })

  test.each([
    ['made for another server', { audience: 'https://other.example' }],
    ['a minute and a moment old', { agoMs: 60_001 }],
    ['a minute and a moment early', { agoMs: -60_001 }],
  ])('a proof that is %s', async (_, { audience, agoMs = 0 }: { audience?: string; agoMs?: number }) => {
    await using platform = await openTestPlatform()
    const { config, now } = platform.deps
    const keys = generateSigningKey()
    const input = applicationOf(platform.deps, { agentId: 'alpha', keys })
    const proof = proveKey(keys, { agentId: 'alpha', audience: audience ?? config.origin, nowMs: now() - agoMs })

    await expectRefusal(platform, 'unauthenticated', () => register(platform, { ...input, proof }))
  })

  test.each([60_000, -60_000])('but a clock that is %i ms off is near enough', async (offMs) => {
    await using platform = await openTestPlatform()
    const { config, now } = platform.deps
    const keys = generateSigningKey()
    const proof = proveKey(keys, { agentId: 'alpha', audience: config.origin, nowMs: now() + offMs })

    const { outcome } = await register(platform, { ...applicationOf(platform.deps, { agentId: 'alpha', keys }), proof })
    expect(outcome).toBe('registered')
  })

  test('a proof that was used before', async () => {
    await using platform = await openTestPlatform()
    const keys = generateSigningKey()
    const input = applicationOf(platform.deps, { agentId: 'alpha', keys })
    await register(platform, input)

    await expectRefusal(platform, 'unauthenticated', () => register(platform, input))
    await expectRefusal(platform, 'unauthenticated', () => callAs(platform.deps).identity.openSession(input.proof))
  })

  function strange({ card }: RegisterInput): RegisterInput {
    const keys = generateSigningKey()
    const { agentId } = readCard(card) as { agentId: string }
    const { issuedAtMs: nowMs } = readCard(card) as { issuedAtMs: number }
    return {
      card: signCard(keys, { agentId, nowMs, name: 'stranger' }),
      proof: proveKey(keys, { agentId, audience: 'http://127.0.0.1:8080', nowMs }),
      prekey: signPrekey(keys, { agentId, nowMs }),
    }
  }
})

describe('a registered id', () => {
  test('belongs to its key: another one is refused and changes nothing', async () => {
    await using platform = await openTestPlatform()
    await platform.agent('alpha')

    await expectRefusal(platform, 'already_exists', () => register(platform, applicationOf(platform.deps, { agentId: 'alpha' })))
  })

  test('is confirmed by the same card', async () => {
    await using platform = await openTestPlatform()
    const { keys } = await platform.agent('alpha')
    const again = applicationOf(platform.deps, { agentId: 'alpha', keys })

    expect(await register(platform, again)).toEqual({ agentId: 'alpha', outcome: 'updated', status: 'active' })
  })

  test('is updated by the card that follows, and keeps capabilities, presence and money', async () => {
    await using platform = await openTestPlatform()
    const agent = await platform.agent('alpha', { capabilities: [{ name: 'text.extract', maxConcurrency: 2 }], credits: '5' })
    const other = await platform.agent('other')
    const { card } = await agent.api.identity.whoami({})
    const { keys } = agent

    const input = applicationOf(platform.deps, { agentId: 'alpha', keys, seq: 2, previous: card, name: 'Alpha the second' })
    expect((await register(platform, input)).outcome).toBe('updated')

    expect((await agent.api.identity.whoami({})).card).toEqual(input.card)
    expect((await other.api.discovery.discover({ capability: 'text.extract' })).candidates).toMatchObject([{ agentId: 'alpha' }])
    expect(await agent.api.settlement.balance({})).toEqual({ available: '5', held: '0' })
  })

  test.each<[string, (card: Record<string, unknown>) => object]>([
    ['leaves a number out', (card) => ({ ...card, seq: 3 })],
    ['repeats the number', (card) => ({ ...card, seq: 1 })],
    ['names another card before it', (card) => ({ ...card, previous: toBase64url(new Uint8Array(32)) })],
    ['names no card before it', ({ previous: _, ...card }) => card],
  ])('is not updated by a card that %s', async (_, spoil) => {
    await using platform = await openTestPlatform()
    const { keys, api } = await platform.agent('alpha')
    const { card } = await api.identity.whoami({})
    const input = applicationOf(platform.deps, { agentId: 'alpha', keys, seq: 2, previous: card })
    const spoiled = { ...input, card: signAnyCard(keys, spoil(readCard(input.card))) }

    const refusal = await expectRefusal(platform, 'wrong_state', () => register(platform, spoiled))
    expect(refusal.message).toContain('seq 1')
  })

  test('is not revoked by a card while it is registered', async () => {
    await using platform = await openTestPlatform()
    const { keys, api } = await platform.agent('alpha')
    const { card } = await api.identity.whoami({})
    const revoked = signAnyCard(keys, { ...readCard(card), seq: 2, previous: hashOf(card), status: 'revoked' })

    const input = { ...applicationOf(platform.deps, { agentId: 'alpha', keys }), card: revoked }
    await expectRefusal(platform, 'wrong_state', () => register(platform, input))
  })

  test('tells the counterparties of open work that its card changed, and nobody else', async () => {
    await using platform = await openTestPlatform()
    const buyer = await platform.agent('buyer')
    const worker = await platform.agent('worker')
    const bystander = await platform.agent('bystander')
    const { taskId } = await buyer.api.tasks.createTask({})
    await buyer.api.tasks.assign({ taskId, assigneeAgentId: 'worker', kind: 'execute' })
    const { card } = await worker.api.identity.whoami({})

    await register(platform, applicationOf(platform.deps, { agentId: 'worker', keys: worker.keys, seq: 2, previous: card }))

    const kinds = async ({ api }: typeof buyer) => (await api.events.wait({})).events.map(({ kind, agentId }) => [kind, agentId])
    expect(await kinds(buyer)).toContainEqual(['card.changed', 'worker'])
    expect(await kinds(bystander)).toEqual([])
    expect(await kinds(worker)).not.toContainEqual(['card.changed', 'worker'])
  })
})

describe('a deregistered id', () => {
  test('is never given to another key', async () => {
    await using platform = await openTestPlatform()
    const agent = await platform.agent('alpha')
    await agent.api.identity.deregister({})

    await expectRefusal(platform, 'already_exists', () => register(platform, applicationOf(platform.deps, { agentId: 'alpha' })))
    platform.pass(365 * 24 * 3_600_000)
    await expectRefusal(platform, 'already_exists', () => register(platform, applicationOf(platform.deps, { agentId: 'alpha' })))
  })

  test('has no session and opens none', async () => {
    await using platform = await openTestPlatform()
    const agent = await platform.agent('alpha')
    await agent.api.identity.deregister({})
    const proof = proveKey(agent.keys, {
      agentId: 'alpha',
      audience: platform.deps.config.origin,
      nowMs: platform.deps.now(),
    })

    await expectRefusal(platform, 'unauthenticated', () => agent.api.identity.whoami({}))
    await expectRefusal(platform, 'unauthenticated', () => callAs(platform.deps).identity.openSession(proof))
  })

  test('returns with its key, and is discovered only after it declares and beats', async () => {
    await using platform = await openTestPlatform()
    const capabilities = [{ name: 'text.extract', maxConcurrency: 1 }]
    const agent = await platform.agent('alpha', { capabilities, credits: '7' })
    const other = await platform.agent('other')
    const found = async () => (await other.api.discovery.discover({ capability: 'text.extract' })).candidates.length
    await agent.api.identity.deregister({})
    expect(await found()).toBe(0)

    const input = applicationOf(platform.deps, { agentId: 'alpha', keys: agent.keys })
    expect(await register(platform, input)).toEqual({ agentId: 'alpha', outcome: 'updated', status: 'active' })
    const again = await platform.resume(agent)

    expect(await found()).toBe(0)
    await again.api.registry.declareCapabilities({ capabilities })
    expect(await found()).toBe(0)
    await again.api.heartbeat.beat({})
    expect(await found()).toBe(1)
    expect(await again.api.settlement.balance({})).toEqual({ available: '7', held: '0' })
  })
})

describe('a prekey', () => {
  test('is replaced by a newer one, not by an older one', async () => {
    await using platform = await openTestPlatform()
    const agent = await platform.agent('alpha')
    const reader = await platform.agent('reader')
    const stored = async () => (await reader.api.discovery.getAgent({ agentId: 'alpha' })).prekey
    const older = signPrekey(agent.keys, { agentId: 'alpha', nowMs: platform.deps.now() - 1_000 })
    platform.pass(1_000)
    const newer = signPrekey(agent.keys, { agentId: 'alpha', nowMs: platform.deps.now() })

    await agent.api.identity.publishPrekey({ prekey: newer })
    expect(await stored()).toEqual(newer)
    await agent.api.identity.publishPrekey({ prekey: older })
    expect(await stored()).toEqual(newer)
  })

  test.each<
    [
      string,
      'invalid_input' | 'unauthenticated',
      (at: { nowMs: number }) => { agentId?: string; nowMs?: number; isForged?: boolean },
    ]
  >([
    ['of another agent', 'invalid_input', () => ({ agentId: 'other' })],
    ['signed by another key', 'unauthenticated', () => ({ isForged: true })],
    ['from the future', 'invalid_input', ({ nowMs }) => ({ nowMs: nowMs + 60_001 })],
    ['that has expired', 'invalid_input', ({ nowMs }) => ({ nowMs: nowMs - PREKEY_LIFETIME_MS })],
  ])('%s is refused', async (_, code, make) => {
    await using platform = await openTestPlatform()
    const { keys, api } = await platform.agent('alpha')
    await platform.agent('other')
    const nowMs = platform.deps.now()
    const { agentId = 'alpha', isForged, nowMs: issuedAtMs = nowMs } = make({ nowMs })
    const prekey = signPrekey(isForged ? generateSigningKey() : keys, { agentId, nowMs: issuedAtMs })

    await expectRefusal(platform, code, () => api.identity.publishPrekey({ prekey }))
  })

  test('that expires is shown to nobody', async () => {
    await using platform = await openTestPlatform()
    await platform.agent('alpha')
    platform.pass(PREKEY_LIFETIME_MS - 1)
    const reader = await platform.agent('reader')
    expect((await reader.api.discovery.getAgent({ agentId: 'alpha' })).prekey).toBeDefined()

    platform.pass(1)
    expect((await reader.api.discovery.getAgent({ agentId: 'alpha' })).prekey).toBeUndefined()
  })
})
