import type { Endorsement, SignedCard } from '@agent-marketplace/protocol'
import { toBase64url } from '@agent-marketplace/protocol'
import { generateSigningKey, sha256 } from '@agent-marketplace/protocol/signing'
import { describe, expect, test } from 'vitest'
import { applicationOf, endorse, hashOf, type Keys, readCard, signAnyCard } from '../../test/application.ts'
import { callAs, openTestPlatform, type TestAgent, type TestPlatform } from '../../test/platform.ts'
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
    const lost = generateSigningKey()
    const first = applicationOf(platform.deps, { agentId: 'alpha', keys: lost })
    const committed = signAnyCard(lost, { ...readCard(first.card), recoveryKeyHash: toBase64url(sha256(recovery.publicKey)) })
    await callAs(platform.deps, undefined, 'first').identity.register({ ...first, card: committed })
    const keys = generateSigningKey()
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
