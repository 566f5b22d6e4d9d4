import { z } from 'zod'
import { base64urlOf } from './ids.ts'
import {
  DROP_BYTES,
  RELAY_TOKEN_CLOCK_SKEW_MS,
  RELAY_TOKEN_EPOCH_MS,
  RELAY_TOKEN_MODULUS_BYTES,
  RELAY_TOKEN_NONCE_BYTES,
  RELAY_TOKEN_RANDOMIZER_BYTES,
  RELAY_TOKENS_PER_CALL_MAX,
} from './limits.ts'

/** What a token pays for: a drop, or any other upload, such as a part of an artifact. */
export const RelayTokenClass = z.enum(['message', 'part'])
export type RelayTokenClass = z.infer<typeof RelayTokenClass>

/**
 * The class of token that pays for an upload. A record alone does not make it `message`: that token buys as many bytes as a drop has, and no more.
 *
 * @param upload.bytes - Of its body.
 * @param upload.record - What it puts on the feed, if anything.
 */
export function relayTokenClassOf({ bytes, record }: { bytes: number; record: Uint8Array | undefined }): RelayTokenClass {
  return record && bytes === DROP_BYTES ? 'message' : 'part'
}

/** Weeks since 1970 in UTC; each has keys of its own. */
const RelayTokenEpoch = z.int().min(0).max(0xffff_ffff)

/** A number modulo the key, big-endian. */
const Residue = base64urlOf(RELAY_TOKEN_MODULUS_BYTES)
/** A modulus: its highest bit is set, so that it has 2048 bits, and its lowest, as in every product of two primes. */
const Modulus = Residue.regex(/^[g-z0-9_-].*[Qw]$/)
const Residues = z.array(Residue).min(1).max(RELAY_TOKENS_PER_CALL_MAX)

export const IssueRelayTokensInput = z.strictObject({ epoch: RelayTokenEpoch, class: RelayTokenClass, blinded: Residues })
export type IssueRelayTokensInput = z.infer<typeof IssueRelayTokensInput>

/** Blind signatures in the order of what was asked to be signed. */
export const IssuedRelayTokens = z.strictObject({ epoch: RelayTokenEpoch, class: RelayTokenClass, signatures: Residues })
export type IssuedRelayTokens = z.infer<typeof IssuedRelayTokens>

/** The public keys of one epoch: RSA moduli of 2048 bits; the exponent is always 65537. */
export const RelayTokenEpochKeys = z.strictObject({ epoch: RelayTokenEpoch, message: Modulus, part: Modulus })
export type RelayTokenEpochKeys = z.infer<typeof RelayTokenEpochKeys>

/** The public keys that are in use, oldest epoch first; none where tokens are off. */
export const RelayTokenKeys = z.strictObject({ epochs: z.array(RelayTokenEpochKeys).max(3) })
export type RelayTokenKeys = z.infer<typeof RelayTokenKeys>

/** What a token consists of, beside its class, which is told by what it is spent on. */
export interface RelayTokenParts {
  readonly epoch: number
  /** 32 random bytes that make it this token. */
  readonly nonce: Uint8Array
  /** The 32 random bytes that RFC 9474 puts in front of a message. */
  readonly randomizer: Uint8Array
  /** RSASSA-PSS, 256 bytes. */
  readonly signature: Uint8Array
}

const EPOCH_BYTES = 4
const NONCE_END = EPOCH_BYTES + RELAY_TOKEN_NONCE_BYTES
const RANDOMIZER_END = NONCE_END + RELAY_TOKEN_RANDOMIZER_BYTES
const TOKEN_BYTES = RANDOMIZER_END + RELAY_TOKEN_MODULUS_BYTES

/** `u32 epoch ‖ nonce ‖ randomizer ‖ signature`: 324 bytes. */
export function encodeRelayToken({ epoch, nonce, randomizer, signature }: RelayTokenParts): Uint8Array {
  return new Uint8Array(Buffer.concat([u32(epoch), nonce, randomizer, signature]))
}

/** @returns the parts of a token, unverified; `undefined` for another length. */
export function decodeRelayToken(token: Uint8Array): RelayTokenParts | undefined {
  if (token.length !== TOKEN_BYTES) return undefined
  return {
    epoch: Buffer.from(token.buffer, token.byteOffset, EPOCH_BYTES).readUInt32BE(),
    nonce: token.subarray(EPOCH_BYTES, NONCE_END),
    randomizer: token.subarray(NONCE_END, RANDOMIZER_END),
    signature: token.subarray(RANDOMIZER_END),
  }
}

const LABEL = Buffer.from('agent-marketplace/relay-token/1\n')

/** The message a token is the signature of, before the randomizer is put in front of it: label, class, line feed, epoch, nonce. */
export function relayTokenMessage(
  tokenClass: RelayTokenClass,
  { epoch, nonce }: Pick<RelayTokenParts, 'epoch' | 'nonce'>,
): Uint8Array {
  return new Uint8Array(Buffer.concat([LABEL, Buffer.from(`${tokenClass}\n`), u32(epoch), nonce]))
}

/** @returns the epoch a moment lies in. */
export function relayTokenEpochAt(nowMs: number): number {
  return Math.floor(nowMs / RELAY_TOKEN_EPOCH_MS)
}

/** @returns the moment at which an epoch's tokens are good no longer and its keys are retired. */
export function relayTokenEpochRetiresAtMs(epoch: number): number {
  return (epoch + 1) * RELAY_TOKEN_EPOCH_MS + RELAY_TOKEN_CLOCK_SKEW_MS
}

/** @returns whether tokens of an epoch are good at a moment: during the epoch, and within the allowed skew of clocks at both ends. */
export function isRelayTokenEpochSpendable(epoch: number, nowMs: number): boolean {
  return epoch * RELAY_TOKEN_EPOCH_MS - RELAY_TOKEN_CLOCK_SKEW_MS <= nowMs && nowMs < relayTokenEpochRetiresAtMs(epoch)
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(EPOCH_BYTES)
  bytes.writeUInt32BE(value)
  return bytes
}
