import { randomBytes } from 'node:crypto'
import { generatePrekey, matchRecord, prepareScanner } from '@agent-marketplace/protocol/sealing'
import type { Options, Row } from './row.ts'
import { median } from './statistics.ts'

const RECORDS = 5_000
const RECORD_BYTES = 40

/** What a listener does with every record of the feed, for one live prekey. */
export function benchScan({ repeats }: Options): Row[] {
  const scanner = prepareScanner(generatePrekey())
  const records = Array.from({ length: RECORDS }, () => randomBytes(RECORD_BYTES))
  const rates = Array.from({ length: repeats + 1 }, () => {
    const startedAt = performance.now()
    for (const record of records) matchRecord([scanner], record)
    return (RECORDS / (performance.now() - startedAt)) * 1_000
  })
  return [
    { group: 'relay', what: 'records of the feed scanned', on: 'client, one prekey', value: median(rates.slice(1)), unit: '/s' },
  ]
}
