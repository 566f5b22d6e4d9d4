/** Tables of the private handoff. Times in ms; a missing value is NULL. Documents and keys are as secret as the work itself. */
export const handoffSchema: string[] = [
  // Drops for this agent, from the moment their record is seen on the feed. The id of a drop stays for ever: a record shown again is not news.
  `CREATE TABLE inbox (
    message_id TEXT PRIMARY KEY,
    read_cap BLOB NOT NULL,
    delete_cap BLOB NOT NULL,
    body_key BLOB NOT NULL,
    ephemeral BLOB NOT NULL,
    prekey BLOB NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('matched', 'spilled', 'stored', 'opened', 'acted', 'rejected')),
    reason TEXT,
    from_id TEXT,
    typ TEXT,
    sent_at_ms INTEGER,
    stored_at_ms INTEGER,
    assignment_id TEXT,
    target_assignment_id TEXT,
    frame BLOB,
    doc BLOB,
    doc_hash TEXT,
    seen_at_ms INTEGER NOT NULL,
    CHECK (state IN ('matched', 'spilled', 'rejected') OR (doc IS NOT NULL AND doc_hash IS NOT NULL AND from_id IS NOT NULL))
  ) STRICT`,
  'CREATE INDEX inbox_by_state ON inbox (state, seen_at_ms)',
  'CREATE INDEX inbox_by_assignment ON inbox (assignment_id, typ)',
  'CREATE INDEX inbox_by_target ON inbox (target_assignment_id, typ)',

  // Drops by this agent, sealed before they are sent; the same bytes are sent until the relay has them. `purpose` says what for: once each.
  `CREATE TABLE outbox (
    message_id TEXT PRIMARY KEY,
    purpose TEXT NOT NULL UNIQUE,
    to_id TEXT NOT NULL,
    typ TEXT NOT NULL,
    assignment_id TEXT,
    doc BLOB NOT NULL,
    doc_hash TEXT NOT NULL,
    spill_key BLOB CHECK (length(spill_key) = 32),
    slot_id BLOB NOT NULL,
    delete_hash BLOB NOT NULL,
    record BLOB NOT NULL,
    body BLOB,
    ttl TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('sealed', 'sent', 'refused')),
    sealed_at_ms INTEGER NOT NULL,
    due_at_ms INTEGER NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    sent_at_ms INTEGER
  ) STRICT`,
  'CREATE INDEX outbox_by_state ON outbox (state, due_at_ms)',

  // Slots to delete from the relay, later and on another connection than the one that read them.
  `CREATE TABLE removals (
    read_cap BLOB PRIMARY KEY,
    delete_cap BLOB NOT NULL,
    due_at_ms INTEGER NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0
  ) STRICT`,

  // Artifacts being uploaded or uploaded: the same file for the same purpose is sealed under one key, once.
  `CREATE TABLE uploads (
    upload_id INTEGER PRIMARY KEY,
    purpose TEXT NOT NULL,
    name TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    artifact_key BLOB NOT NULL CHECK (length(artifact_key) = 32),
    ttl TEXT NOT NULL,
    expires_at_ms INTEGER NOT NULL
  ) STRICT`,
  'CREATE INDEX uploads_by_purpose ON uploads (purpose, name, sha256)',
  `CREATE TABLE upload_parts (
    upload_id INTEGER NOT NULL REFERENCES uploads ON DELETE CASCADE,
    part INTEGER NOT NULL,
    PRIMARY KEY (upload_id, part)
  ) STRICT, WITHOUT ROWID`,

  // Parts that are in a `.partial` file already.
  `CREATE TABLE download_parts (
    path TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    part INTEGER NOT NULL,
    PRIMARY KEY (path, sha256, part)
  ) STRICT, WITHOUT ROWID`,

  // Work handed over by this agent, with its keys, until they are released.
  `CREATE TABLE submissions (
    assignment_id TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    order_hash TEXT,
    artifacts TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('sealed', 'submitted', 'released', 'withheld')),
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (assignment_id, attempt)
  ) STRICT, WITHOUT ROWID`,

  // Verdicts of this agent with their reports: decided once an attempt, whatever happens before the platform has them.
  `CREATE TABLE verdicts (
    review_assignment_id TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    target_assignment_id TEXT NOT NULL,
    outcome TEXT NOT NULL,
    score_bps INTEGER NOT NULL,
    report BLOB NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('decided', 'submitted', 'reported')),
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (review_assignment_id, attempt)
  ) STRICT, WITHOUT ROWID`,

  // What the daemon is doing about an assignment.
  `CREATE TABLE jobs (
    assignment_id TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('execute', 'review')),
    attempt INTEGER NOT NULL,
    state TEXT NOT NULL,
    directory TEXT,
    since_ms INTEGER NOT NULL
  ) STRICT`,
]

/** Rest before sending, and receipts. */
export const receiptSchema: string[] = [
  // Not before then, whoever is waiting: the delay that was drawn when it was sealed.
  'ALTER TABLE outbox ADD COLUMN hold_until_ms INTEGER NOT NULL DEFAULT 0',
  // 1 while the sender is to be told that the message is stored, or opened.
  'ALTER TABLE inbox ADD COLUMN receipt_due INTEGER NOT NULL DEFAULT 0',
  'CREATE INDEX inbox_by_receipt_due ON inbox (seen_at_ms) WHERE receipt_due = 1',
  // What a document answers, read out of it.
  "ALTER TABLE inbox ADD COLUMN ref TEXT AS (json_extract(CAST(doc AS TEXT), '$.ref')) VIRTUAL",
  'CREATE INDEX inbox_by_ref ON inbox (ref, from_id) WHERE ref IS NOT NULL',
  'CREATE INDEX outbox_by_document ON outbox (to_id, doc_hash)',
]
