import { expect, test } from 'vitest'
import { translate } from './dialect.ts'

const MIGRATION = `
CREATE TABLE things (
  name TEXT PRIMARY KEY,
  amount INTEGER NOT NULL,
  content BLOB
) STRICT;
-- sqlite
CREATE TRIGGER one;
-- postgres
CREATE TRIGGER other;
-- both
-- owner: things
CREATE INDEX things_by_amount ON things (amount);
`

test('SQLite is given what is written, without what is for PostgreSQL', () => {
  expect(translate(MIGRATION, 'sqlite')).toBe(`
CREATE TABLE things (
  name TEXT PRIMARY KEY,
  amount INTEGER NOT NULL,
  content BLOB
) STRICT;
CREATE TRIGGER one;
-- owner: things
CREATE INDEX things_by_amount ON things (amount);
`)
})

test('PostgreSQL is given its own types, and what is for it', () => {
  expect(translate(MIGRATION, 'postgres')).toBe(`
CREATE TABLE things (
  name TEXT COLLATE "C" PRIMARY KEY,
  amount BIGINT NOT NULL,
  content BYTEA
);
CREATE TRIGGER other;
-- owner: things
CREATE INDEX things_by_amount ON things (amount);
`)
})
