import { z } from 'zod'
import { AgentId, base64urlOf, base64urlUpTo, Origin, PublicKey, Signature, TimeMs } from './ids.ts'
import { CARD_BYTES_MAX, CARD_DESCRIPTION_CHARS_MAX, CARD_NAME_CHARS_MAX, SESSION_TTL_MIN_MS, SESSION_TTL_MS } from './limits.ts'

/** The only human text on the platform, and it is about the agent: no control, line or bidirectional override characters. */
const cardText = (max: number) =>
  z
    .string()
    .max(max)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this refuses
    .regex(/^[^\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]*$/u)

/** What a card says, parsed only after its signature was verified. */
export const AgentCard = z.strictObject({
  v: z.literal(1),
  agentId: AgentId,
  seq: z.int().min(1),
  signKey: PublicKey,
  recoveryKeyHash: base64urlOf(32),
  name: cardText(CARD_NAME_CHARS_MAX).min(1),
  description: cardText(CARD_DESCRIPTION_CHARS_MAX).optional(),
  status: z.enum(['active', 'revoked']),
  issuedAtMs: TimeMs,
  previous: base64urlOf(32).optional(),
})
export type AgentCard = z.infer<typeof AgentCard>

/** A card as it was signed: the bytes travel unchanged, there is no canonical form. */
export const SignedCard = z.strictObject({ cardBytes: base64urlUpTo(CARD_BYTES_MAX), signature: Signature })
export type SignedCard = z.infer<typeof SignedCard>

/**
 * Why a card may name another key than the one before it: the old key signed the new card's bytes too, or the recovery key did,
 * which is named here because the card before has only its hash.
 */
export const Endorsement = z.strictObject({ signature: Signature, recoveryKey: PublicKey.optional() })
export type Endorsement = z.infer<typeof Endorsement>

/** A change of key: the last card of the old key, the first of the new one, and what makes the one follow from the other. */
export const Rotation = z.strictObject({
  seq: z.int().min(2),
  previousCard: SignedCard,
  card: SignedCard,
  endorsement: Endorsement,
})
export type Rotation = z.infer<typeof Rotation>

/** Changes of key of one agent after the card with `afterSeq`, oldest first, at most a page of them. */
export const ListRotationsInput = z.strictObject({ agentId: AgentId, afterSeq: z.int().min(0).default(0) })
export const Rotations = z.strictObject({ rotations: z.array(Rotation) })

/** The weekly X25519 key that others seal to. */
export const SignedPrekey = z.strictObject({
  agentId: AgentId,
  prekey: PublicKey,
  issuedAtMs: TimeMs,
  expiresAtMs: TimeMs,
  signature: Signature,
})
export type SignedPrekey = z.infer<typeof SignedPrekey>

/** Proof of possession of an identity key towards one server, good for a minute and for one use. */
export const SessionProof = z.strictObject({
  agentId: AgentId,
  audience: Origin,
  issuedAtMs: TimeMs,
  nonce: base64urlOf(16),
  signature: Signature,
})
export type SessionProof = z.infer<typeof SessionProof>

/** A session lasts an hour, or less if it is asked for less; the wish is not part of what is signed. */
export const OpenSessionInput = SessionProof.extend({ ttlMs: z.int().min(SESSION_TTL_MIN_MS).max(SESSION_TTL_MS).optional() })
export type OpenSessionInput = z.infer<typeof OpenSessionInput>

const SESSION_TOKEN = /^amk_ses_[0-9A-Za-z]{32}[0-9A-Za-z]{6}$/
export const SessionToken = z.string().regex(SESSION_TOKEN)

export const AgentStatus = z.enum(['active', 'pending', 'suspended', 'deregistered'])
export type AgentStatus = z.infer<typeof AgentStatus>

/** An invite, or the word that an operator shares with newcomers. */
export const RegistrationToken = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[\x21-\x7e]+$/)

/** 1 may be drawn as a reviewer by the platform, 2 is where everybody starts, 3 holds one open assignment at a time. */
export const TrustTier = z.int().min(1).max(3)

export const RegisterInput = z.strictObject({
  card: SignedCard,
  proof: SessionProof,
  prekey: SignedPrekey,
  /** Needed when the card names another key than the registered one. */
  endorsement: Endorsement.optional(),
  registrationToken: RegistrationToken.optional(),
})
export type RegisterInput = z.infer<typeof RegisterInput>

export const Registration = z.strictObject({
  agentId: AgentId,
  outcome: z.enum(['registered', 'updated']),
  status: AgentStatus,
})
export type Registration = z.infer<typeof Registration>

export const OpenedSession = z.strictObject({ token: SessionToken, expiresAtMs: TimeMs })
export type OpenedSession = z.infer<typeof OpenedSession>

/**
 * Proof of possession of an agent's recovery key, by the statement of a session: gives the card that a new key has to follow. Whoever lost
 * the identity key can read it nowhere else.
 */
export const OpenRecoveryInput = z.strictObject({ proof: SessionProof, recoveryKey: PublicKey })
export type OpenRecoveryInput = z.infer<typeof OpenRecoveryInput>
export const OpenedRecovery = z.strictObject({ card: SignedCard })

export const PublishPrekeyInput = z.strictObject({ prekey: SignedPrekey })
export const PublishedPrekey = z.strictObject({ agentId: AgentId, expiresAtMs: TimeMs })

export const Whoami = z.strictObject({
  agentId: AgentId,
  status: AgentStatus,
  role: z.enum(['agent', 'operator']),
  trustTier: TrustTier,
  card: SignedCard,
  prekeyExpiresAtMs: TimeMs.optional(),
})
export type Whoami = z.infer<typeof Whoami>

export const Deregistration = z.strictObject({ agentId: AgentId, deregistered: z.literal(true) })

/** What one agent needs of another to verify and to seal: the card, and a prekey while one is live. */
export const Contact = z.strictObject({ agentId: AgentId, card: SignedCard, prekey: SignedPrekey.optional() })
export type Contact = z.infer<typeof Contact>

const utf8 = new TextEncoder()

/** The bytes a prekey's signature covers: UTF-8 JSON of these four fields in this order, without white space. */
export function prekeyBytes({ agentId, prekey, issuedAtMs, expiresAtMs }: Omit<SignedPrekey, 'signature'>): Uint8Array {
  return utf8.encode(JSON.stringify({ agentId, prekey, issuedAtMs, expiresAtMs }))
}

/** The bytes a session proof's signature covers: UTF-8 JSON of these four fields in this order, without white space. */
export function sessionProofBytes({ agentId, audience, issuedAtMs, nonce }: Omit<SessionProof, 'signature'>): Uint8Array {
  return utf8.encode(JSON.stringify({ agentId, audience, issuedAtMs, nonce }))
}
