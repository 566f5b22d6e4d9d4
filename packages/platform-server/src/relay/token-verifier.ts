import { constants, createPublicKey, hash, type KeyObject, verify } from 'node:crypto'
import {
  decodeRelayToken,
  isRelayTokenEpochSpendable,
  type RelayTokenClass,
  type RelayTokenEpochKeys,
  type RelayTokenKeys,
  relayTokenEpochAt,
  relayTokenEpochRetiresAtMs,
  relayTokenMessage,
} from '@agent-marketplace/protocol'
import { hourOf } from './rules.ts'
import type { TokenVerifier } from './tokens.ts'

/** The salt of RSABSSA-SHA384-PSS-Randomized: as long as its hash. */
const SALT_BYTES = 48

/** A verifier that is taught keys as the issuer publishes them. */
export interface LearningVerifier extends TokenVerifier {
  /** Take these keys in, in place of others of the same epochs, and drop retired ones. @returns how many epochs were new. */
  learn(keys: RelayTokenKeys): number
}

interface Epoch {
  readonly published: RelayTokenEpochKeys
  readonly keys: Readonly<Record<RelayTokenClass, KeyObject>>
}

/** Check tokens by RFC 9474 with nothing but public keys; it can be asked at once and knows no key yet. */
export function createTokenVerifier(now: () => number): LearningVerifier {
  const epochs = new Map<number, Epoch>()

  return {
    learn(keys) {
      const known = new Set(epochs.keys())
      for (const published of keys.epochs) {
        const { epoch, message, part } = published
        epochs.set(epoch, { published, keys: { message: importKey(message), part: importKey(part) } })
      }
      for (const epoch of epochs.keys()) if (relayTokenEpochRetiresAtMs(epoch) <= now()) epochs.delete(epoch)
      return [...epochs.keys()].filter((epoch) => !known.has(epoch)).length
    },

    async verify(token, tokenClass) {
      const parts = decodeRelayToken(token)
      const key = parts && epochs.get(parts.epoch)?.keys[tokenClass]
      if (!key || !isRelayTokenEpochSpendable(parts.epoch, now())) return undefined
      const message = relayTokenMessage(tokenClass, parts)
      const pss = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: SALT_BYTES }
      if (!verify('sha384', Buffer.concat([parts.randomizer, message]), pss, parts.signature)) return undefined
      // Of the message and not of the token: whatever other signature there may be for it, it is spent but once.
      return { spentHash: hash('sha256', message, 'buffer'), forgetHour: hourOf(relayTokenEpochRetiresAtMs(parts.epoch)) }
    },

    epochs() {
      const epoch = relayTokenEpochAt(now())
      return [epoch, epoch + 1].flatMap((each) => epochs.get(each)?.published ?? [])
    },
  }
}

function importKey(modulus: string): KeyObject {
  return createPublicKey({ key: { kty: 'RSA', n: modulus, e: 'AQAB' }, format: 'jwk' })
}
