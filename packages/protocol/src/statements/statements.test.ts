import { describe, expect, test } from 'vitest'
import vectors from '../../vectors/statements.json' with { type: 'json' }
import { prekeyBytes, type Rotation, sessionProofBytes } from '../agent-card.ts'
import { fromBase64url } from '../base64url.ts'
import { verify } from '../signing/index.ts'
import { type VerdictStatement, verdictBytes } from '../verdict.ts'
import { followRotations, isSignedPrekey, isSignedVerdict, openCard, openRotation, safetyNumber } from './index.ts'

const bytes = (base64url: string) => fromBase64url(base64url) ?? new Uint8Array()
const text = (content: Uint8Array) => Buffer.from(content).toString('utf8')

describe('a card', () => {
  test.for(vectors.cards.good)('is read: $name', ({ agentId, cardBytes, signature }) => {
    const said = JSON.parse(text(bytes(cardBytes))) as object
    expect(openCard({ cardBytes, signature }, agentId)).toEqual(said)
  })

  test.for(vectors.cards.bad)('is refused: $name ($reason)', ({ agentId, cardBytes, signature }) => {
    expect(openCard({ cardBytes, signature }, agentId)).toBeUndefined()
  })
})

describe('a change of key', () => {
  test.for(vectors.rotations.good)('$name', ({ rotation, endorser }) => {
    expect(openRotation(rotation as Rotation)).toMatchObject({ endorser, to: { seq: rotation.seq } })
  })

  test.for(vectors.rotations.bad)('is refused: $name ($reason)', ({ rotation }) => {
    expect(openRotation(rotation as Rotation)).toBeUndefined()
  })
})

describe('a chain of changes', () => {
  test.for(vectors.chains.good)('is followed: $name', ({ pinned, rotations, shown, keys }) => {
    expect(followRotations(pinned, rotations as Rotation[], shown)).toHaveLength(keys)
  })

  test.for(vectors.chains.bad)('is not followed: $name ($reason)', ({ pinned, rotations, shown }) => {
    expect(followRotations(pinned, rotations as Rotation[], shown)).toBeUndefined()
  })
})

describe('a statement made of fields', () => {
  const { prekey, session, verdict } = vectors.fields
  const { alice = '', bob = '' } = vectors.keys

  test('has one spelling: its fields in order, without white space', () => {
    expect(text(prekeyBytes(prekey.fields))).toBe(prekey.bytes)
    expect(text(sessionProofBytes(session.fields))).toBe(session.bytes)
    expect(text(verdictBytes(verdict.fields as VerdictStatement))).toBe(verdict.bytes)
  })

  test('is verified under the key of its signer, and under no other', () => {
    const signedPrekey = { ...prekey.fields, signature: prekey.signature }
    const signedVerdict = { ...(verdict.fields as VerdictStatement), signature: verdict.signature }

    expect([alice, bob].map((key) => isSignedPrekey(signedPrekey, key))).toEqual([true, false])
    expect([alice, bob].map((key) => isSignedVerdict(signedVerdict, key))).toEqual([true, false])
    const isSession = (key: string) => verify('session', sessionProofBytes(session.fields), bytes(session.signature), bytes(key))
    expect([alice, bob].map(isSession)).toEqual([true, false])
  })

  test('with any field changed is refused', () => {
    const { signature } = verdict
    const said = verdict.fields as VerdictStatement
    for (const change of [
      { attempt: 2 },
      { outcome: 'failed' },
      { scoreBps: 9499 },
      { issuedAtMs: 0 },
      { targetAssignmentId: 'asg_x' },
    ])
      expect(isSignedVerdict({ ...said, ...change, signature } as typeof said & { signature: string }, alice)).toBe(false)
    for (const change of [{ agentId: 'bob' }, { expiresAtMs: 0 }, { prekey: alice }])
      expect(isSignedPrekey({ ...prekey.fields, ...change, signature: prekey.signature }, alice)).toBe(false)
  })
})

describe('a safety number', () => {
  test.for(vectors.safetyNumbers)('is the same from both sides: $name', ({ one, other, number }) => {
    expect(safetyNumber(one, other)).toBe(number)
    expect(safetyNumber(other, one)).toBe(number)
    expect(number).toMatch(/^(?:\d{5} ){11}\d{5}$/)
  })
})
