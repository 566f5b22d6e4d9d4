import { randomBytes } from 'node:crypto'
import { generatePrekey, matchRecord, prepareScanner } from '@agent-marketplace/protocol/sealing'
import type { Options, Row } from './row.ts'
import { median } from './statistics.ts'

const RECORDS = 5_000
const RECORD_BYTES = 40
/** Made every week, live for 37 days. */
const PREKEYS_OF_AN_OLD_AGENT = 6

/** What a listener does with every record of the feed. */
export function benchScan({ repeats }: Options): Row[] {
  return [
    scanRow('client, one prekey', 1, repeats),
    scanRow(`client, ${PREKEYS_OF_AN_OLD_AGENT} prekeys`, PREKEYS_OF_AN_OLD_AGENT, repeats),
  ]
}

function scanRow(on: string, prekeys: number, repeats: number): Row {
  const scanners = Array.from({ length: prekeys }, () => prepareScanner(generatePrekey()))
  const records = Array.from({ length: RECORDS }, () => randomBytes(RECORD_BYTES))
  const runs = Array.from({ length: repeats + 1 }, () => {
    const startedAt = performance.now()
    const cpuAtStart = process.cpuUsage()
    for (const record of records) matchRecord(scanners, record)
    const { user, system } = process.cpuUsage(cpuAtStart)
    return { rate: (RECORDS / (performance.now() - startedAt)) * 1_000, cpuMicros: (user + system) / RECORDS }
  }).slice(1)
  return {
    group: 'relay',
    what: 'records of the feed scanned',
    on,
    value: median(runs.map(({ rate }) => rate)),
    unit: '/s',
    cpuMicros: median(runs.map(({ cpuMicros }) => cpuMicros)),
  }
}
