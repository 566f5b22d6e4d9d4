import { randomFillSync } from 'node:crypto'
import type { IdPrefix } from '@agent-marketplace/protocol'
import { ulid } from 'ulid'

/** Random bytes are drawn many at a time: one by one they would cost an id 25 times what it costs (measured). */
const pool = new Uint8Array(4096)
let used = pool.length

/** One cryptographic random byte as a fraction. 256 is a multiple of the 32 letters of an id, so all are equally likely. */
function random(): number {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  return (pool[used++] ?? 0) / 256
}

/** A fresh unguessable id that sorts by creation time: the prefix and a lower-case ULID with 80 random bits. */
export function newId(prefix: IdPrefix, atMs = Date.now()): string {
  return `${prefix}_${ulid(atMs, random).toLowerCase()}`
}
