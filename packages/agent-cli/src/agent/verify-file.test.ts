import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { toBase64url, type Verdict, verdictBytes } from '@agent-marketplace/protocol'
import { sign } from '@agent-marketplace/protocol/signing'
import { describe, expect, test } from 'vitest'
import { pin } from '../private/contacts.ts'
import { keepFormerKeys } from '../private/former-keys.ts'
import { type Keyring, makeKeyring } from '../private/keyring.ts'
import { currentPrekey } from '../private/prekeys.ts'
import { openVault } from '../private/vault.ts'
import { TEST_ASSIGNMENT_ID, TEST_TARGET_ID } from '../test-agent.ts'
import { makeTestHome } from '../test-home.ts'
import { verifyFile } from './verify-file.ts'

const NOW = 1_767_225_600_000
const code = (expected: string) => expect.objectContaining({ code: expected })
const reviewer = makeKeyring('reviewer', { name: 'Reviewer' }, NOW)
const impostor = makeKeyring('reviewer', { name: 'Reviewer' }, NOW)

function verdictOf({ signKey }: Keyring, change: Partial<Verdict> = {}): Verdict {
  const statement = {
    reviewAssignmentId: TEST_ASSIGNMENT_ID,
    targetAssignmentId: TEST_TARGET_ID,
    attempt: 1,
    outcome: 'passed' as const,
    scoreBps: 9_000,
    issuedAtMs: NOW,
  }
  const signature = toBase64url(sign('verdict', verdictBytes(statement), signKey.secretKey))
  return { ...statement, verdictId: `ver_${'0'.repeat(26)}`, reviewerId: 'reviewer', signature, atMs: NOW, ...change }
}

/** A home with a file in it, and what is verified there. */
function openDesk(pinned?: Keyring) {
  const home = makeTestHome()
  const vault = openVault(home.path)
  if (pinned) pin(vault, { agentId: pinned.agentId, card: pinned.card }, NOW)
  const file = (name: string, content: unknown) => {
    const path = join(home.path, name)
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
    return path
  }
  return {
    vault,
    file,
    check: (content: unknown, card?: unknown) =>
      verifyFile({
        path: file('file.json', content),
        cardPath: card === undefined ? undefined : file('card.json', card),
        vault,
        nowMs: NOW,
      }),
    [Symbol.dispose]() {
      vault.close()
      home[Symbol.dispose]()
    },
  }
}

describe('a verdict', () => {
  test('is valid under the pinned key of its reviewer, and under a card that is given', () => {
    using desk = openDesk(reviewer)
    using stranger = openDesk()
    const verdict = verdictOf(reviewer)

    expect(desk.check(verdict)).toMatchObject({
      valid: true,
      signer: 'reviewer',
      basis: 'pinned',
      statement: { scoreBps: 9_000 },
    })
    expect(stranger.check(verdict, reviewer.card)).toMatchObject({ valid: true, basis: 'given' })
    expect(stranger.check({ verdicts: [verdict, verdict] }, { agentId: 'reviewer', card: reviewer.card })).toMatchObject({
      valid: true,
      results: [{ valid: true }, { valid: true }],
    })
  })

  test('of somebody else, or with a field changed, is not', () => {
    using desk = openDesk(reviewer)

    expect(desk.check(verdictOf(impostor))).toMatchObject({ valid: false, basis: 'pinned' })
    for (const change of [{ scoreBps: 9_001 }, { outcome: 'failed' }, { attempt: 2 }, { issuedAtMs: NOW + 1 }] as const)
      expect(desk.check(verdictOf(reviewer, change))).toMatchObject({ valid: false })
    expect(desk.check({ verdicts: [verdictOf(reviewer), verdictOf(impostor)] })).toMatchObject({ valid: false })
  })

  test('under a key the reviewer had before says so', () => {
    using desk = openDesk(reviewer)
    keepFormerKeys(desk.vault, 'reviewer', [{ signKey: impostor.signKey.publicKey, readUntilMs: 0 }])

    expect(desk.check(verdictOf(impostor))).toMatchObject({ valid: true, basis: 'former' })
  })

  test('of somebody nobody knows here is not judged', () => {
    using desk = openDesk()

    expect(() => desk.check(verdictOf(reviewer))).toThrow(code('not_found'))
    expect(() => desk.check(verdictOf(reviewer), makeKeyring('other', { name: 'o' }, NOW).card)).toThrow(code('usage'))
  })
})

describe('a card', () => {
  test('proves by itself only that it is whole; against a pin, whose it is', () => {
    using stranger = openDesk()
    using desk = openDesk(reviewer)
    const prekey = currentPrekey(desk.vault, reviewer, NOW).signed

    expect(stranger.check(reviewer.card)).toMatchObject({ valid: true, signer: 'reviewer', basis: 'itself' })
    expect(desk.check({ agentId: 'reviewer', card: reviewer.card, prekey })).toMatchObject({ valid: true, basis: 'pinned' })
    expect(desk.check({ card: impostor.card })).toMatchObject({ valid: false, basis: 'pinned' })
    expect(desk.check({ card: impostor.card, prekey })).toMatchObject({ valid: false })
    expect(stranger.check({ ...reviewer.card, signature: impostor.card.signature })).toMatchObject({ valid: false })
  })
})

test.for([
  ['no JSON', '{'],
  ['something else', { hello: 'world' }],
  ['a list of something else', { verdicts: [{}] }],
  ['a card without bytes', { cardBytes: 'AAAA', signature: 'A'.repeat(86) }],
] as const)('%s is told apart from a signature that does not hold', ([, content]) => {
  using desk = openDesk()

  expect(() => desk.check(content)).toThrow(code('usage'))
  expect(() => verifyFile({ path: '/nowhere/at-all.json', nowMs: NOW })).toThrow(code('usage'))
})
