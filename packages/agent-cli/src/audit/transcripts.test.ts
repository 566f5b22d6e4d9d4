import { expect, test } from 'vitest'
import { startMarket, type TestMarket } from '../test-market.ts'
import { openAuditMarket } from './audit-market.ts'
import { runMarkedJob } from './marked-job.ts'
import { readRequests, type SentRequest } from './read-requests.ts'
import { recordConnections } from './record-connections.ts'

/** Fits a drop and the smallest size class, as nothing does. */
const SAME_CLASS = 'x'.repeat(4_000)

/** What one who sees everything but random bytes can tell of a job: methods, paths, names of headers, lengths, how often. Looking at the feed carries nothing. */
async function transcriptOf(market: TestMarket, padding: string): Promise<string[]> {
  const recording = recordConnections()
  try {
    const options = { profile: { name: 'unused', directory: '/nonexistent' }, server: market.origin, timeoutMs: 20_000 }
    await using parties = await openAuditMarket(options, {})
    await runMarkedJob(parties, { padding })
  } finally {
    recording.stop()
  }
  return recording.connections
    .flatMap(({ sent }) => readRequests(sent))
    .filter(({ path }) => !path.startsWith('/relay/v1/feed'))
    .map(lineOf)
    .sort()
}

/** Ids, caps and queries are as long as they are for everybody: their length stays in the line. */
function lineOf({ method, path, headers, body }: SentRequest): string {
  const [way = '', query = ''] = path.split('?')
  const shape = way.startsWith('/relay/v1/slots/') && method === 'PUT' ? `/relay/v1/slots/(${way.length})` : way
  const names = headers.map(([name, value]) => `${name}(${name === 'host' ? '' : value.length})`)
  return `${method} ${shape}?(${query.length}) ${names.join(' ')} ${body.length}`
}

test('two secrets of the same size class are handed over with equal transcripts on both planes', {
  timeout: 180_000,
}, async () => {
  await using market = await startMarket()
  const short = await transcriptOf(market, '')
  const long = await transcriptOf(market, SAME_CLASS)
  expect(long).toEqual(short)
  expect(short.filter((line) => line.includes('/relay/')).length).toBeGreaterThan(20)
  expect(short.filter((line) => line.includes('/trpc/')).length).toBeGreaterThan(20)
})
