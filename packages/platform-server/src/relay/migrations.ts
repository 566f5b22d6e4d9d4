import type { Migration } from '../storage/database.ts'

/** Marks the relay's index in the header of its SQLite file: "amkr". */
export const RELAY_APPLICATION_ID = 0x616d6b72

/**
 * The relay's index. It keeps no creation time and no arrival order: rows lie in the order of random keys (WITHOUT ROWID),
 * and nothing in a feed row can be looked up in a slot row.
 */
export const relayMigrations: readonly Migration[] = [
  {
    version: 1,
    name: 'slots-and-feed',
    sql: `
      CREATE TABLE slots (
        slot_id BLOB PRIMARY KEY CHECK (length(slot_id) = 16),
        delete_hash BLOB NOT NULL CHECK (length(delete_hash) = 32),
        size_class INTEGER NOT NULL CHECK (size_class > 0),
        expiry_hour INTEGER NOT NULL,
        blob_ref TEXT NOT NULL UNIQUE CHECK (length(blob_ref) = 32)
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX slots_by_expiry ON slots (expiry_hour);

      CREATE TABLE feed_pending (
        place BLOB PRIMARY KEY CHECK (length(place) = 16),
        record BLOB NOT NULL CHECK (length(record) = 40),
        expiry_hour INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE feed_records (
        position INTEGER PRIMARY KEY CHECK (position > 0),
        record BLOB NOT NULL CHECK (length(record) = 40),
        expiry_hour INTEGER NOT NULL
      ) STRICT;
      CREATE INDEX feed_records_by_expiry ON feed_records (expiry_hour);

      CREATE TABLE feed_head (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        published INTEGER NOT NULL CHECK (published >= 0)
      ) STRICT;
      INSERT INTO feed_head (only, published) VALUES (1, 0);

      CREATE TABLE spent_tokens (
        spent_hash BLOB PRIMARY KEY CHECK (length(spent_hash) = 32),
        forget_hour INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX spent_tokens_by_hour ON spent_tokens (forget_hour);
    `,
  },
]
