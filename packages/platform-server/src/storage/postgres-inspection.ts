import type { Reader, Row } from './database.ts'
import { StorageUnusable } from './open-error.ts'
import { sqlState } from './postgres-fault.ts'
import { text } from './row.ts'

const RESTORE = 'restore a backup'
/** `data_corrupted`, `index_corrupted` and `internal_error`, of which a page that fails its checksum is one. */
const DAMAGED = /^(?:XX...|58030)$/
const HERE = 'current_schema()::regnamespace'

/** What is switched off or not finished: each row names the thing. */
const SWITCHED_OFF: Readonly<Record<string, string>> = {
  trigger: `SELECT t.tgname AS name FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE c.relnamespace = ${HERE} AND t.tgenabled <> 'O'`,
  constraint: `SELECT conname AS name FROM pg_constraint WHERE connamespace = ${HERE} AND NOT convalidated`,
  index: `SELECT c.relname AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relnamespace = ${HERE} AND NOT i.indisvalid`,
}
const TABLES = `SELECT quote_ident(relname) AS name FROM pg_class WHERE relnamespace = ${HERE} AND relkind = 'r' ORDER BY relname`
const REFERENCES = `
  SELECT k.conrelid::regclass::text AS child, k.confrelid::regclass::text AS parent,
    (SELECT string_agg(format('p.%I = c.%I', f.attname, a.attname), ' AND ')
     FROM unnest(k.conkey, k.confkey) AS n(here, there)
     JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = n.here
     JOIN pg_attribute f ON f.attrelid = k.confrelid AND f.attnum = n.there) AS same,
    (SELECT string_agg(format('c.%I IS NOT NULL', a.attname), ' AND ')
     FROM unnest(k.conkey) AS n(here) JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = n.here) AS named
  FROM pg_constraint k WHERE k.contype = 'f' AND k.connamespace = ${HERE} ORDER BY k.conname`
/** Rows of an index in their order, and a row of it for each of the table: only where the operator has installed the extension, and lets this user. */
const AMCHECK = `
  SELECT c.relname AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
  WHERE c.relnamespace = ${HERE} AND m.amname = 'btree' AND EXISTS (SELECT FROM pg_extension WHERE extname = 'amcheck')
    AND has_function_privilege('bt_index_check(regclass, boolean)', 'EXECUTE')`

/**
 * Check what the engine keeps by itself as long as nobody interferes: every page of every table is read, every reference is followed, nothing that
 * guards the data is switched off. Changes nothing; may run beside the servers.
 *
 * @throws StorageUnusable with the first thing that is wrong.
 */
export async function checkPostgres(reader: Reader): Promise<void> {
  try {
    for (const [kind, sql] of Object.entries(SWITCHED_OFF)) {
      const off = await reader.get(sql)
      if (off)
        throw damaged(`the ${kind} ${text(off, 'name')} is switched off or not finished: switch it on again, or ${RESTORE}`)
    }
    for (const table of await reader.all(TABLES)) await reader.get(`SELECT count(t::text) AS rows FROM ${text(table, 'name')} t`)
    for (const reference of await reader.all(REFERENCES)) await follow(reader, reference)
    for (const index of await reader.all(AMCHECK))
      await reader.get(`SELECT bt_index_check($1::regclass, true)::text AS checked`, [text(index, 'name')])
  } catch (error) {
    if (DAMAGED.test(sqlState(error) ?? '') && error instanceof Error) throw damaged(`damaged (${error.message}); ${RESTORE}`)
    throw error
  }
}

async function follow(reader: Reader, reference: Row): Promise<void> {
  const [child, parent, same, named] = ['child', 'parent', 'same', 'named'].map((name) => text(reference, name))
  const lost = await reader.get(
    `SELECT 1 AS lost FROM ${child} c WHERE ${named} AND NOT EXISTS (SELECT FROM ${parent} p WHERE ${same}) LIMIT 1`,
  )
  if (lost) throw damaged(`table ${child} refers to a row that is not there; ${RESTORE}`)
}

function damaged(words: string): StorageUnusable {
  return new StorageUnusable(`--database: ${words}`)
}
