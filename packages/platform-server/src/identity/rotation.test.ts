import type { Endorsement, SignedCard } from '@agent-marketplace/protocol'
import { toBase64url } from '@agent-marketplace/protocol'
import { generateSigningKey } from '@agent-marketplace/protocol/signing'
import { describe, expect, test } from 'vitest'
import { applicationOf, endorse, hashOf, type Keys, readCard, registerWith, signAnyCard } from '../../test/application.ts'
import { callAs, openTestPlatform, proveKey, type TestAgent, type TestPlatform } from '../../test/platform.ts'
import { expectRefusal } from '../../test/refusal.ts'

/** The card that follows, under another key. */
function nextCard(keys: Keys, previous: SignedCard): SignedCard {
  const said = readCard(previous)
  return signAnyCard(keys, {
    ...said,
    seq: Number(said.seq) + 1,
    signKey: toBase64url(keys.publicKey),
    previous: hashOf(previous),
  })
}

let calls = 0
function rotate(
  { deps }: TestPlatform,
  { agentId, keys, card, endorsement }: { agentId: string; keys: Keys; card: SignedCard; endorsement?: Endorsement | undefined },
) {
  const input = { ...applicationOf(deps, { agentId, keys }), card, ...(endorsement && { endorsement }) }
  return callAs(deps, undefined, `rotate-${++calls}`).identity.register(input)
}

/** Read the stored card as the holder of the recovery key does. */
function readForRecovery({ deps }: TestPlatform, { agentId, recovery }: { agentId: string; recovery: Keys }) {
  const proof = proveKey(recovery, { agentId, audience: deps.config.origin, nowMs: deps.now() })
  return callAs(deps).identity.openRecovery({ proof, recoveryKey: toBase64url(recovery.publicKey) })
}

const cardOf = async ({ api }: TestAgent) => (await api.identity.whoami({})).card

describe('another key takes over', () => {
  test('with the word of the old key, and the old key ends', async () => {
    await using platform = await openTestPlatform()
    const agent = await platform.agent('alpha', { credits: '3' })
    const keys = generateSigningKey()
    const previousCard = await cardOf(agent)
    const card = nextCard(keys, previousCard)
    const endorsement = endorse(agent.keys, card)

    expect(await rotate(platform, { agentId: 'alpha', keys, card, endorsement })).toMatchObject({ outcome: 'updated' })

    await expectRefusal(platform, 'unauthenticated', () => agent.api.identity.whoami({}))
    await expectRefusal(platform, 'unauthenticated', () => platform.resume(agent))
    const again = await platform.resume({ agentId: 'alpha', keys })
    expect(await cardOf(again)).toEqual(card)
    expect(await again.api.settlement.balance({})).toEqual({ available: '3', held: '0' })
    const { prekey } = await again.api.discovery.getAgent({ agentId: 'alpha' })
    expect(prekey?.signature).toBe(applicationOf(platform.deps, { agentId: 'alpha', keys }).prekey.signature)
    expect(await again.api.identity.listRotations({ agentId: 'alpha' })).toEqual({
      rotations: [{ seq: 2, previousCard, card, endorsement }],
    })
    expect(await again.api.identity.listRotations({ agentId: 'alpha', afterSeq: 2 })).toEqual({ rotations: [] })
  })

  test('with the word of the recovery key that the card before committed to', async () => {
    await using platform = await openTestPlatform()
    const recovery = generateSigningKey()
    await registerWith(platform, { agentId: 'alpha', recoveryKey: recovery.publicKey })
    const keys = generateSigningKey()
    const { card: committed } = await readForRecovery(platform, { agentId: 'alpha', recovery })
    const card = nextCard(keys, committed)
    const endorsement = { ...endorse(recovery, card), recoveryKey: toBase64url(recovery.publicKey) }

    await rotate(platform, { agentId: 'alpha', keys, card, endorsement })

    const again = await platform.resume({ agentId: 'alpha', keys })
    expect(await again.api.identity.listRotations({ agentId: 'alpha' })).toMatchObject({ rotations: [{ endorsement }] })
  })

  test('of an id that left, and brings it back', async () => {
    await using platform = await openTestPlatform()
    const agent = await platform.agent('alpha')
    const keys = generateSigningKey()
    const card = nextCard(keys, await cardOf(agent))
    await agent.api.identity.deregister({})

    const { status } = await rotate(platform, { agentId: 'alpha', keys, card, endorsement: endorse(agent.keys, card) })
    expect(status).toBe('active')
  })
})

describe('another key is refused', () => {
  test.each<
    [string, 'already_exists' | 'unauthenticated', (at: { card: SignedCard; old: Keys; own: Keys }) => Endorsement | undefined]
  >([
    ['nobody’s word', 'already_exists', () => undefined],
    ['its own word', 'unauthenticated', ({ card, own }) => endorse(own, card)],
    ['a stranger’s word', 'unauthenticated', ({ card }) => endorse(generateSigningKey(), card)],
    ['the old key’s word on another card', 'unauthenticated', ({ card, old }) => endorse(old, { ...card, cardBytes: 'AAAA' })],
    [
      'a recovery key that no card committed to',
      'unauthenticated',
      ({ card }) => {
        const recovery = generateSigningKey()
        return { ...endorse(recovery, card), recoveryKey: toBase64url(recovery.publicKey) }
      },
    ],
    [
      'the old key’s word under the name of another recovery key',
      'unauthenticated',
      ({ card, old, own }) => ({ ...endorse(old, card), recoveryKey: toBase64url(own.publicKey) }),
    ],
  ])('with %s: %s', async (_, code, word) => {
    await using platform = await openTestPlatform()
    const agent = await platform.agent('alpha')
    const own = generateSigningKey()
    const card = nextCard(own, await cardOf(agent))

    await expectRefusal(platform, code, () =>
      rotate(platform, { agentId: 'alpha', keys: own, card, endorsement: word({ card, old: agent.keys, own }) }),
    )
  })

  test('when its card does not follow the stored one', async () => {
    await using platform = await openTestPlatform()
    const agent = await platform.agent('alpha')
    const keys = generateSigningKey()
    const first = await cardOf(agent)
    const card = signAnyCard(keys, { ...readCard(nextCard(keys, first)), seq: 7 })

    await expectRefusal(platform, 'wrong_state', () =>
      rotate(platform, { agentId: 'alpha', keys, card, endorsement: endorse(agent.keys, card) }),
    )
  })
})

test('the rotations of an unknown agent are not found', async () => {
  await using platform = await openTestPlatform()
  const { api } = await platform.agent('alpha')

  await expectRefusal(platform, 'not_found', () => api.identity.listRotations({ agentId: 'nobody' }))
})

describe('the card to follow is read with the recovery key', () => {
  test('and unknown agent, other key and other server get one answer', async () => {
    await using platform = await openTestPlatform()
    const recovery = generateSigningKey()
    await registerWith(platform, { agentId: 'alpha', recoveryKey: recovery.publicKey })
    const say = (attempt: () => Promise<unknown>) => expectRefusal(platform, 'unauthenticated', attempt)

    await say(() => readForRecovery(platform, { agentId: 'nobody', recovery }))
    await say(() => readForRecovery(platform, { agentId: 'alpha', recovery: generateSigningKey() }))
    const proof = proveKey(generateSigningKey(), {
      agentId: 'alpha',
      audience: platform.deps.config.origin,
      nowMs: platform.deps.now(),
    })
    await say(() => callAs(platform.deps).identity.openRecovery({ proof, recoveryKey: toBase64url(recovery.publicKey) }))
  })

  test('by a proof that works once', async () => {
    await using platform = await openTestPlatform()
    const recovery = generateSigningKey()
    const { card } = await registerWith(platform, { agentId: 'alpha', recoveryKey: recovery.publicKey })
    const { deps } = platform
    const proof = proveKey(recovery, { agentId: 'alpha', audience: deps.config.origin, nowMs: deps.now() })
    const input = { proof, recoveryKey: toBase64url(recovery.publicKey) }

    expect(await callAs(deps).identity.openRecovery(input)).toEqual({ card })
    await expectRefusal(platform, 'unauthenticated', () => callAs(deps).identity.openRecovery(input))
  })
})

describe('a revoked card', () => {
  /** An agent that left and said that its key is not to be trusted any more. */
  async function revoke(platform: TestPlatform) {
    const recovery = generateSigningKey()
    const { keys, card } = await registerWith(platform, { agentId: 'alpha', recoveryKey: recovery.publicKey })
    const agent = await platform.resume({ agentId: 'alpha', keys })
    const revoked = signAnyCard(keys, { ...readCard(nextCard(keys, card)), status: 'revoked' })
    const send = () => rotate(platform, { agentId: 'alpha', keys, card: revoked })
    return { agent, keys, recovery, revoked, send }
  }

  test('is taken from an agent that has left, and from no other', async () => {
    await using platform = await openTestPlatform()
    const { agent, send } = await revoke(platform)
    await expectRefusal(platform, 'wrong_state', send)
    await agent.api.identity.deregister({})

    expect(await send()).toEqual({ agentId: 'alpha', outcome: 'updated', status: 'deregistered' })
    expect(await send()).toMatchObject({ status: 'deregistered' })
    await expectRefusal(platform, 'unauthenticated', () => platform.resume(agent))
  })

  test('ends its key for good: neither that key nor its word brings the agent back, the recovery key does', async () => {
    await using platform = await openTestPlatform()
    const { agent, keys, recovery, revoked, send } = await revoke(platform)
    await agent.api.identity.deregister({})
    await send()
    const own = generateSigningKey()
    const back = nextCard(keys, revoked)
    await expectRefusal(platform, 'wrong_state', () =>
      rotate(platform, { agentId: 'alpha', keys, card: signAnyCard(keys, { ...readCard(back), status: 'active' }) }),
    )
    const card = signAnyCard(own, { ...readCard(nextCard(own, revoked)), status: 'active' })
    await expectRefusal(platform, 'wrong_state', () =>
      rotate(platform, { agentId: 'alpha', keys: own, card, endorsement: endorse(keys, card) }),
    )

    const endorsement = { ...endorse(recovery, card), recoveryKey: toBase64url(recovery.publicKey) }
    expect(await rotate(platform, { agentId: 'alpha', keys: own, card, endorsement })).toMatchObject({ status: 'active' })
  })
})
