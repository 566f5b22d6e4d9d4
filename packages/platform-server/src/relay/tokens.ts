import { fromBase64url, type RelayTokenClass, type RelayTokenEpochKeys } from '@agent-marketplace/protocol'
import { Refusal } from '../errors.ts'
import type { Reader, Tx } from '../storage/database.ts'

/** A token whose signature is good. It may have been spent before. */
export interface SpendableToken {
  /** 32 bytes that stand for the token and cannot be traced to whom it was issued. */
  readonly spentHash: Uint8Array
  /** The hour at which the keys of its epoch are retired, so that it need not be remembered any longer. */
  readonly forgetHour: number
}

/** Checks tokens with the issuer's public keys alone, so a relay can be run by somebody else than the issuer. */
export interface TokenVerifier {
  /** @returns `undefined` for a token that is malformed, forged, of another class or of an epoch whose keys are not in use. */
  verify(token: Uint8Array, tokenClass: RelayTokenClass): Promise<SpendableToken | undefined>
  /** The public keys of this and the next epoch. */
  epochs(): readonly RelayTokenEpochKeys[]
}

/**
 * Check the signature of the token that came with an upload.
 *
 * @returns `undefined` where tokens are off: the header is not looked at.
 * @throws Refusal `unauthenticated` for a missing or bad token.
 */
export async function checkToken(
  tokens: 'off' | TokenVerifier,
  header: string | undefined,
  tokenClass: RelayTokenClass,
): Promise<SpendableToken | undefined> {
  if (tokens === 'off') return undefined
  const bytes = fromBase64url(header ?? '')
  const token = bytes?.length ? await tokens.verify(bytes, tokenClass) : undefined
  if (!token) throw badToken()
  return token
}

/** The one answer for a token that is missing, bad or spent. */
export function badToken(): Refusal {
  return new Refusal('unauthenticated', 'the token is missing, not valid or spent')
}

/** @returns whether a token has been spent. */
export async function isSpent(reader: Reader, token: SpendableToken): Promise<boolean> {
  return (await reader.get('SELECT 1 FROM spent_tokens WHERE spent_hash = $1', [token.spentHash])) !== undefined
}

/** Spend a token; the guard is the primary key. @returns `false` if it was spent before: nothing was written. */
export async function spendToken(tx: Tx, { spentHash, forgetHour }: SpendableToken): Promise<boolean> {
  const sql = 'INSERT INTO spent_tokens (spent_hash, forget_hour) VALUES ($1, $2) ON CONFLICT DO NOTHING'
  return (await tx.run(sql, [spentHash, forgetHour])) === 1
}

/** Forget tokens of retired epochs. @returns how many. */
export function forgetTokens(tx: Tx, hour: number): Promise<number> {
  return tx.run('DELETE FROM spent_tokens WHERE forget_hour <= $1', [hour])
}
