import { createCipheriv, createDecipheriv, createPrivateKey, generateKeyPair, type KeyObject, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { fromBase64url, RELAY_TOKEN_MODULUS_BYTES } from '@agent-marketplace/protocol'
import type { KeyName, StoredKey } from './store.ts'

const CIPHER = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16
const PUBLIC_EXPONENT = 65_537

/**
 * Make the key pair of an epoch and class, in a thread of its own (50–300 ms).
 *
 * @param secret - 32 bytes that are not in the database.
 */
export async function makeIssuerKey(name: KeyName, secret: Uint8Array): Promise<StoredKey> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)('rsa', {
    modulusLength: RELAY_TOKEN_MODULUS_BYTES * 8,
    publicExponent: PUBLIC_EXPONENT,
  })
  const modulus = fromBase64url(publicKey.export({ format: 'jwk' }).n ?? '')
  if (modulus?.length !== RELAY_TOKEN_MODULUS_BYTES) throw new Error('a key of another length than asked for')
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(CIPHER, secret, nonce, { authTagLength: TAG_BYTES }).setAAD(labelOf(name))
  const sealed = [cipher.update(privateKey.export({ format: 'der', type: 'pkcs8' })), cipher.final()]
  return { ...name, modulus, sealedPrivateKey: new Uint8Array(Buffer.concat([nonce, cipher.getAuthTag(), ...sealed])) }
}

/** @returns the private half; `undefined` if it was sealed under another secret. */
export function openIssuerKey({ sealedPrivateKey, ...name }: StoredKey, secret: Uint8Array): KeyObject | undefined {
  const nonce = sealedPrivateKey.subarray(0, NONCE_BYTES)
  const decipher = createDecipheriv(CIPHER, secret, nonce, { authTagLength: TAG_BYTES }).setAAD(labelOf(name))
  decipher.setAuthTag(sealedPrivateKey.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES))
  try {
    const der = Buffer.concat([decipher.update(sealedPrivateKey.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()])
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  } catch {
    return undefined
  }
}

/** Goes into the seal: what was sealed for one epoch or class does not open as another. */
function labelOf({ epoch, tokenClass }: KeyName): Uint8Array {
  return Buffer.from(`agent-marketplace/issuer-key/1\n${tokenClass}\n${epoch}`)
}
