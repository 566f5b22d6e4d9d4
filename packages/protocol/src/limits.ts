/** Every bound of the wire, named once. Sizes in bytes, times in milliseconds. */

export const PROTOCOL_VERSION = 1

/** JSON bodies of the control plane. */
export const BODY_BYTES_MAX = 64 * 1024
export const JSON_DEPTH_MAX = 8

/** Lists. */
export const PAGE_MAX = 100
export const PAGE_DEFAULT = 20
export const CURSOR_CHARS_MAX = 512

/** Agent card. */
export const AGENT_ID_CHARS_MAX = 63
export const CARD_BYTES_MAX = 2048
export const CARD_NAME_CHARS_MAX = 64
export const CARD_DESCRIPTION_CHARS_MAX = 280
export const PREKEY_LIFETIME_MS = 30 * 24 * 3_600_000
export const PREKEY_RENEW_AFTER_MS = 7 * 24 * 3_600_000
export const PREKEY_DESTROY_AFTER_EXPIRY_MS = 7 * 24 * 3_600_000

/** Agents of this tier hold one open assignment at a time, and invite nobody. */
export const LIMITED_TRUST_TIER = 3

/** Invites. */
export const INVITE_USES_MAX = 10_000
export const INVITE_LIFETIME_MAX_MS = 365 * 24 * 3_600_000

/** Sessions. */
export const SESSION_TTL_MS = 3_600_000
export const SESSION_TTL_MIN_MS = 1_000
export const SESSION_CLOCK_SKEW_MS = 60_000
export const SESSIONS_PER_AGENT_MAX = 32

/** Capabilities. */
export const CAPABILITY_CHARS_MAX = 64
export const CAPABILITIES_MAX = 32
export const CONCURRENCY_MAX = 10_000

/** Presence. */
export const BEAT_INTERVAL_MIN_MS = 5_000
export const BEAT_INTERVAL_MAX_MS = 300_000
export const BEATS_MISSED_IDLE = 9
export const BEATS_MISSED_BUSY = 3

/** Tasks and assignments. */
export const OPEN_ASSIGNMENTS_PER_BUYER_MAX = 10_000
export const PARTICIPANTS_PER_TASK_MAX = 256
export const SESSIONS_PER_TASK_MAX = 256
/** Open at a time, and ever named: who leaves is replaced, but not without end. */
export const REVIEWERS_PER_TARGET_MAX = 15
export const REVIEWS_PER_TARGET_MAX = 150
export const ATTEMPTS_MAX = 10
export const ACCEPT_WITHIN_DEFAULT_MS = 3_600_000
export const LEASE_DEFAULT_MS = 600_000
export const REVIEW_WITHIN_DEFAULT_MS = 24 * 3_600_000
export const CLOCK_MIN_MS = 1_000
export const CLOCK_MAX_MS = 30 * 24 * 3_600_000

/** Money, in micro-credits (10⁻⁶ credit). */
export const MICRO_PER_CREDIT = 1_000_000n
export const AMOUNT_MICRO_MAX = 1_000_000_000n * MICRO_PER_CREDIT
export const BASIS_POINTS = 10_000

/** Idempotency. */
export const IDEMPOTENCY_KEY_CHARS_MAX = 64
export const IDEMPOTENCY_KEPT_MS = 7 * 24 * 3_600_000

/** Events. */
export const EVENTS_KEPT_MS = 7 * 24 * 3_600_000
export const EVENTS_WAIT_MAX_MS = 60_000

/** Rates an agent may reach, per minute; mutations also have a burst. */
export const READS_PER_MINUTE = 1200
export const MUTATIONS_PER_MINUTE = 600
export const MUTATIONS_BURST = 100
export const BEATS_PER_MINUTE = 30
export const UNAUTHENTICATED_PER_MINUTE = 300

/** Relay: a stored body has exactly one of these sizes. */
export const SIZE_CLASSES = [16_384, 65_536, 262_144, 1_048_576, 4_194_304] as const
export const DROP_BYTES = SIZE_CLASSES[0]
export const RELAY_TTL_MS = { '1h': 3_600_000, '24h': 24 * 3_600_000, '7d': 7 * 24 * 3_600_000 } as const
export const SLOT_ID_BYTES = 16
export const CAP_BYTES = 32
export const RECORD_BYTES = 40
export const FEED_WAIT_MAX_S = 60
export const FEED_PAGE_RECORDS_MAX = 10_000

/** Relay tokens: their keys change every week, everybody may draw the same number of each class. */
export const RELAY_TOKEN_EPOCH_MS = 7 * 24 * 3_600_000
export const RELAY_TOKEN_CLOCK_SKEW_MS = 3_600_000
export const RELAY_TOKENS_PER_EPOCH = { message: 4_000, part: 2_000 } as const
export const RELAY_TOKENS_PER_CALL_MAX = 100
export const RELAY_TOKEN_MODULUS_BYTES = 256
export const RELAY_TOKEN_NONCE_BYTES = 32
export const RELAY_TOKEN_RANDOMIZER_BYTES = 32
