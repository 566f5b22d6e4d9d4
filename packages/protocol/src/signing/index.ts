export { sha256 } from './bytes.ts'
export {
  generateSigningKey,
  openSigningKey,
  SIGN_PUBLIC_KEY_BYTES,
  SIGN_SECRET_KEY_BYTES,
  SIGNATURE_BYTES,
  type SigningKey,
} from './ed25519.ts'
export { fingerprint, type Statement, sign, verify } from './statement.ts'
