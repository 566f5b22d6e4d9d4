import type { Deps } from '../src/deps.ts'
import type { Reader } from '../src/storage/database.ts'

/** The same, with what SQLite says of how it goes about each list that it reads, in the order of the lists. */
export function explainLists(deps: Deps): { deps: Deps; plans: string[][] } {
  const plans: string[][] = []
  const explain = (reader: Reader): Reader => ({
    get: (sql, params) => reader.get(sql, params),
    all: async (sql, params) => {
      const plan = await reader.all(`EXPLAIN QUERY PLAN ${sql}`, params)
      plans.push(plan.map((row) => String(row.detail)))
      return reader.all(sql, params)
    },
  })
  const { db } = deps
  return { deps: { ...deps, db: { ...db, read: (work) => db.read((reader) => work(explain(reader))) } }, plans }
}
