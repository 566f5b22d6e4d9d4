import { handoffSchema, receiptSchema } from './handoff-schema.ts'

/** Tables of this side of the vault. Times in ms; a missing value is NULL. */
const controlPlane = [
  // Idempotency keys of mutations whose answer is not known yet. `owner` is the process that waits for it, NULL once it gave up.
  `CREATE TABLE pending (
    key TEXT PRIMARY KEY,
    intent BLOB NOT NULL,
    procedure TEXT NOT NULL,
    input TEXT NOT NULL,
    owner INTEGER,
    at_ms INTEGER NOT NULL
  ) STRICT`,
  'CREATE INDEX pending_by_intent ON pending (intent)',

  // First key seen of every agent: another one is refused.
  `CREATE TABLE contacts (
    agent_id TEXT PRIMARY KEY,
    sign_key BLOB NOT NULL CHECK (length(sign_key) = 32),
    name TEXT NOT NULL,
    seq INTEGER NOT NULL,
    card_bytes TEXT NOT NULL,
    card_signature TEXT NOT NULL,
    prekey BLOB CHECK (length(prekey) = 32),
    prekey_issued_at_ms INTEGER,
    prekey_expires_at_ms INTEGER,
    pinned_at_ms INTEGER NOT NULL,
    verified INTEGER NOT NULL DEFAULT 0
  ) STRICT`,

  // Cards that claimed a pinned id with another key, kept as evidence beside the pinned one.
  `CREATE TABLE key_conflicts (
    agent_id TEXT NOT NULL,
    card_bytes TEXT NOT NULL,
    card_signature TEXT NOT NULL,
    pinned_card_bytes TEXT NOT NULL,
    pinned_card_signature TEXT NOT NULL,
    seen_at_ms INTEGER NOT NULL,
    PRIMARY KEY (agent_id, card_bytes)
  ) STRICT`,

  // Own prekeys with their secret halves, made before they are published; destroyed 7 days after expiry.
  `CREATE TABLE prekeys (
    prekey BLOB PRIMARY KEY CHECK (length(prekey) = 32),
    secret BLOB NOT NULL CHECK (length(secret) = 32),
    signed TEXT NOT NULL,
    issued_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    is_published INTEGER NOT NULL DEFAULT 0
  ) STRICT`,

  // Epoch of the lease this machine was given at accept or renewal: a paused holder never acts under somebody else's.
  `CREATE TABLE leases (
    assignment_id TEXT PRIMARY KEY,
    lease_epoch INTEGER NOT NULL,
    at_ms INTEGER NOT NULL
  ) STRICT`,

  // Tokens that are out to be signed, with what takes their blinding away again.
  `CREATE TABLE relay_blinds (
    blinded BLOB PRIMARY KEY,
    key_id BLOB NOT NULL CHECK (length(key_id) = 32),
    nonce BLOB NOT NULL,
    randomizer BLOB NOT NULL,
    inverse BLOB NOT NULL,
    expires_at_ms INTEGER NOT NULL
  ) STRICT`,

  // Tokens for the relay. One with a slot is being spent on it, and never shown for another.
  `CREATE TABLE relay_tokens (
    token BLOB PRIMARY KEY,
    key_id BLOB NOT NULL CHECK (length(key_id) = 32),
    class TEXT NOT NULL CHECK (class IN ('message', 'part')),
    slot_id BLOB,
    expires_at_ms INTEGER NOT NULL
  ) STRICT`,
  'CREATE INDEX relay_tokens_by_key ON relay_tokens (key_id, slot_id)',

  // Small facts such as cursors.
  'CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT',
]

const workLog = [
  // Orders taken on lately and how long their commands ran: what the daily budget of a policy is measured by.
  `CREATE TABLE work_log (
    assignment_id TEXT PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    ms INTEGER NOT NULL
  ) STRICT`,
]

/** Tables of identities that change. */
const identities = [
  // The own key that is to follow, from before it is sent until the platform has confirmed it. One at a time.
  `CREATE TABLE next_identity (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    agent_id TEXT NOT NULL,
    sign_secret BLOB NOT NULL CHECK (length(sign_secret) = 64),
    card_bytes TEXT NOT NULL,
    card_signature TEXT NOT NULL,
    endorsement TEXT NOT NULL,
    recovery_secret BLOB CHECK (length(recovery_secret) = 64)
  ) STRICT`,

  // Keys that pinned agents had before, and until when a message signed by one is still read.
  `CREATE TABLE former_keys (
    agent_id TEXT NOT NULL,
    sign_key BLOB NOT NULL CHECK (length(sign_key) = 32),
    read_until_ms INTEGER NOT NULL,
    PRIMARY KEY (agent_id, sign_key)
  ) STRICT`,
]

const jobLogs = [
  // Runs of commands whose logs are kept, each sealed under a key of its own: without its row a log is noise.
  `CREATE TABLE job_logs (
    run TEXT PRIMARY KEY,
    assignment_id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('execute', 'review')),
    attempt INTEGER NOT NULL,
    key BLOB NOT NULL CHECK (length(key) = 32),
    started_at_ms INTEGER NOT NULL,
    ended_at_ms INTEGER,
    outcome TEXT
  ) STRICT`,
]

/** What an executor holds against the platform's word that its work has passed. */
const passes = [
  'ALTER TABLE submissions ADD COLUMN review_by_ms INTEGER',
  // What the platform said and showed when nothing that was signed bore it out, once for each reason.
  `CREATE TABLE unshown_passes (
    assignment_id TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    reason TEXT NOT NULL,
    said TEXT NOT NULL,
    seen_at_ms INTEGER NOT NULL,
    PRIMARY KEY (assignment_id, attempt, reason)
  ) STRICT, WITHOUT ROWID`,
]

/** What was sealed under a key that is over is sealed again before it is sent. */
const resealing = [
  // The identity key that signed the drop; NULL for drops of earlier versions, which were signed by the key of that time.
  'ALTER TABLE outbox ADD COLUMN sign_key BLOB CHECK (length(sign_key) = 32)',
  // Own identity keys that a recovery ended: nobody reads what they signed.
  'CREATE TABLE ended_keys (sign_key BLOB PRIMARY KEY CHECK (length(sign_key) = 32)) STRICT, WITHOUT ROWID',
]

/** Files rest before they are uploaded, as drops do before they are sent. */
const spool = [
  // Not uploaded before then.
  'ALTER TABLE uploads ADD COLUMN hold_until_ms INTEGER NOT NULL DEFAULT 0',
  // 1 while all parts that the relay does not have lie sealed in the spool.
  'ALTER TABLE uploads ADD COLUMN spooled INTEGER NOT NULL DEFAULT 0',
  // Drops that leave only when the parts of a file are with the relay.
  `CREATE TABLE outbox_uploads (
    message_id TEXT NOT NULL REFERENCES outbox ON DELETE CASCADE,
    upload_id INTEGER NOT NULL REFERENCES uploads ON DELETE CASCADE,
    PRIMARY KEY (message_id, upload_id)
  ) STRICT, WITHOUT ROWID`,
]

/** Keys that nobody but their sender has vouched for. */
const claims = [
  // 1 while a key is known from a drop alone: the platform, which gives out ids, has not shown it yet.
  'ALTER TABLE contacts ADD COLUMN claimed INTEGER NOT NULL DEFAULT 0',
]

const conflictSources = [
  // 1 for a card that only messages brought: anybody can make one.
  'ALTER TABLE key_conflicts ADD COLUMN by_message INTEGER NOT NULL DEFAULT 0',
]

/** One list of statements a version, applied in order; never edited once released. */
export const vaultMigrations: readonly (readonly string[])[] = [
  [...controlPlane, ...handoffSchema],
  workLog,
  receiptSchema,
  identities,
  jobLogs,
  passes,
  resealing,
  spool,
  claims,
  conflictSources,
]

export const VAULT_VERSION = vaultMigrations.length
