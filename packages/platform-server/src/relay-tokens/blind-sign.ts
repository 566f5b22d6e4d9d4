import { constants, createPublicKey, type KeyObject, privateDecrypt, publicEncrypt } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Refusal } from '../errors.ts'

const { RSA_NO_PADDING: padding } = constants

/**
 * Sign what cannot be read: BlindSign of RFC 9474, `s = m^d mod n`, which for OpenSSL is a decryption without padding, in constant time.
 * Other callers have their turn between any two signatures (0.8 ms each).
 *
 * @param blinded - Numbers below the modulus, as long as it.
 * @returns the signatures in the same order; the same input gives the same ones.
 * @throws Refusal `invalid_input` for a number that is not below the modulus.
 */
export async function blindSign(privateKey: KeyObject, blinded: readonly Uint8Array[]): Promise<Uint8Array[]> {
  const publicKey = createPublicKey(privateKey)
  const signatures: Uint8Array[] = []
  for (const message of blinded) {
    await nextTurn()
    const signature = decrypt(privateKey, message)
    // A signature that went wrong, by a fault of the processor, would give the factors of the key away.
    if (!publicEncrypt({ key: publicKey, padding }, signature).equals(message)) throw new Error('a signature went wrong')
    signatures.push(new Uint8Array(signature))
  }
  return signatures
}

function decrypt(key: KeyObject, message: Uint8Array): Buffer {
  try {
    return privateDecrypt({ key, padding }, message)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_OSSL_RSA_DATA_TOO_LARGE_FOR_MODULUS')
      throw new Refusal('invalid_input', 'input.blinded: expected numbers below the modulus of the key')
    throw error
  }
}
