import nacl from 'tweetnacl'
import { describe, expect, test } from 'vitest'
import vectors from '../../vectors/signing.json' with { type: 'json' }
import { fingerprint, type Statement, sign, verify } from './statement.ts'

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'))
const check = (statement: string, value: { bytes: string; signature: string; publicKey: string }) =>
  verify(statement as Statement, bytes(value.bytes), bytes(value.signature), bytes(value.publicKey))

describe('signed statements', () => {
  const { publicKey, secretKey } = nacl.sign.keyPair.fromSeed(bytes(vectors.seed))

  test.for(vectors.good)('$name is what its key signs, and verifies', (good) => {
    expect(sign(good.statement as Statement, bytes(good.bytes), secretKey)).toEqual(bytes(good.signature))
    expect(check(good.statement, good)).toBe(true)
  })

  test.for(vectors.bad)('refused: $name ($reason)', (bad) => {
    expect(check(bad.statement, bad)).toBe(false)
  })

  test('the vectors that say so are indeed accepted by tweetnacl, so the strict wrapper is what refuses them', () => {
    const accepted = vectors.bad.filter((bad) => {
      const signed = Buffer.concat([Buffer.from(`agent-marketplace/${bad.statement}/1\n`), bytes(bad.bytes)])
      return (
        bad.reason.includes('tweetnacl accepts it') &&
        nacl.sign.detached.verify(signed, bytes(bad.signature), bytes(bad.publicKey))
      )
    })

    expect(accepted).toHaveLength(vectors.bad.filter((bad) => bad.reason.includes('tweetnacl accepts it')).length)
    expect(accepted.length).toBeGreaterThanOrEqual(9)
  })

  test('a statement signed under one label verifies under no other', () => {
    const statements: Statement[] = ['card', 'prekey', 'session', 'verdict', 'message']
    for (const signed of statements) {
      const signature = sign(signed, new Uint8Array(10), secretKey)
      const verified = statements.filter((claimed) => verify(claimed, new Uint8Array(10), signature, publicKey))
      expect(verified).toEqual([signed])
    }
  })

  test('a fingerprint is eight groups of four hex digits of the SHA-256 of the key', () => {
    expect(fingerprint(publicKey)).toBe(vectors.fingerprint)
    expect(vectors.fingerprint).toMatch(/^[0-9a-f]{4}(?:-[0-9a-f]{4}){7}$/)
  })
})
