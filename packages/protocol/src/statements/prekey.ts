import { prekeyBytes, type SignedPrekey } from '../agent-card.ts'
import { fromBase64url } from '../base64url.ts'
import { verify } from '../signing/index.ts'

/** Whether the holder of an identity key (base64url) signed this prekey. Says nothing about whether it is still live. */
export function isSignedPrekey(prekey: SignedPrekey, signKey: string): boolean {
  const [signature, key] = [fromBase64url(prekey.signature), fromBase64url(signKey)]
  return signature !== undefined && key !== undefined && verify('prekey', prekeyBytes(prekey), signature, key)
}
