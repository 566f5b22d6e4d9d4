import type { Database } from '../storage/database.ts'
import type { Metrics } from './metrics.ts'
import { jsonReply, type Reply } from './reply.ts'

/** Storage is asked no more often than this, however often somebody asks us. */
const READY_KEPT_MS = 1_000

/** Routes for those who run the server: no procedure, no session. */
export type PlainRoutes = ReadonlyMap<string, () => Promise<Reply>>

interface Observed {
  readonly db: Database
  readonly monotonic: () => number
  readonly metrics: Metrics
  readonly isStopping: () => boolean
}

/** `/healthz`: the process runs; `/readyz`: it can do its work; `/metrics`: Prometheus text. */
export function createPlainRoutes({ db, monotonic, metrics, isStopping }: Observed): PlainRoutes {
  let asked: { atMs: number; answers: Promise<boolean> } | undefined
  const storageAnswers = () => {
    if (!asked || monotonic() - asked.atMs >= READY_KEPT_MS) asked = { atMs: monotonic(), answers: askStorage(db) }
    return asked.answers
  }
  return new Map([
    ['/healthz', async () => jsonReply(200, { status: 'up' })],
    [
      '/readyz',
      async () =>
        !isStopping() && (await storageAnswers()) ? jsonReply(200, { status: 'ready' }) : jsonReply(503, { status: 'not ready' }),
    ],
    [
      '/metrics',
      async () => {
        const { text, type } = await metrics.expose()
        return { status: 200, body: text, headers: { 'content-type': type } }
      },
    ],
  ])
}

async function askStorage(db: Database): Promise<boolean> {
  try {
    await db.read((reader) => reader.get('SELECT 1 AS one'))
    return true
  } catch {
    return false
  }
}
