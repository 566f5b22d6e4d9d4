import type { z } from 'zod'
import { Refusal } from './errors.ts'

/** Sorts behind every id: where a list that begins with the newest starts when no cursor says otherwise. */
export const BEHIND_ALL_IDS = '~'

/** A page of a list and where the next one starts. */
export interface Page<T> {
  readonly items: T[]
  readonly nextCursor?: string
}

/**
 * Cut a page from one row more than was asked for.
 *
 * @param rows - At most `limit + 1` rows in list order.
 * @param keyOf - What the next page starts after, as JSON.
 */
export function cutPage<T>(rows: readonly T[], limit: number, keyOf: (row: T) => unknown): Page<T> {
  const items = rows.slice(0, limit)
  const last = items.at(-1)
  if (rows.length <= limit || last === undefined) return { items }
  return { items, nextCursor: Buffer.from(JSON.stringify(keyOf(last))).toString('base64url') }
}

/**
 * Read a cursor that came back from a caller.
 *
 * @throws Refusal `invalid_input` for one that this list did not hand out.
 */
export function readCursor<T>(schema: z.ZodType<T>, cursor: string | undefined): T | undefined {
  if (cursor === undefined) return undefined
  try {
    return schema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()))
  } catch {
    throw new Refusal('invalid_input', 'the cursor is not one of this list')
  }
}
