import { fromBase64url } from '../base64url.ts'
import { verify } from '../signing/index.ts'
import { type VerdictStatement, verdictBytes } from '../verdict.ts'

/** Whether the holder of an identity key (base64url) signed this verdict. */
export function isSignedVerdict(verdict: VerdictStatement & { readonly signature: string }, signKey: string): boolean {
  const [signature, key] = [fromBase64url(verdict.signature), fromBase64url(signKey)]
  return signature !== undefined && key !== undefined && verify('verdict', verdictBytes(verdict), signature, key)
}
