import type { Database } from '../src/storage/database.ts'
import type { Engine } from './place.ts'
import { openThings } from './things.ts'

/** A fresh database of things on this engine. */
export async function openStorage(engine: Engine): Promise<{ readonly db: Database } & AsyncDisposable> {
  const place = await engine.open()
  const db = await openThings(place)
  return {
    db,
    async [Symbol.asyncDispose]() {
      await db.close()
      await place[Symbol.asyncDispose]()
    },
  }
}
