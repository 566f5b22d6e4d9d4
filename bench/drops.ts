import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { load, type Request } from './load.ts'
import type { Options, Row } from './row.ts'
import { median } from './statistics.ts'
import { startSubject } from './subject.ts'

const DROP_BYTES = 16_384
const RELAY = 'packages/platform-server/src/main.ts'

/** Small drops, each with a record for the feed, beside the same bytes into files. */
export async function benchDrops(directory: string, { isPinned, repeats, seconds, connections }: Options): Promise<Row[]> {
  const listen = ['--relay-listen', '127.0.0.1:0', '--relay-tokens', 'off', '--log-level', 'error']
  await using relay = await startSubject(
    'relay',
    [RELAY, '--plane', 'relay', '--data', join(directory, 'relay'), ...listen],
    isPinned,
  )
  await using bare = await startSubject('bare', ['bench/servers/bare-store.ts', join(directory, 'bare')], isPinned)
  const body = randomBytes(DROP_BYTES)
  const text = (bytes: number) => randomBytes(bytes).toString('base64url')
  const drop = (): Request => ({
    method: 'PUT',
    path: `/relay/v1/slots/${text(16)}`,
    headers: { 'relay-delete-hash': text(32), 'relay-ttl': '1h', 'relay-record': text(40) },
    body,
  })
  const file = (): Request => ({ method: 'PUT', path: `/${text(16)}`, headers: {}, body })
  const sides = [
    { on: 'relay', next: drop, origin: String(relay.ready.relayOrigin), samples: [] as number[], p99: [] as number[] },
    { on: 'bare node:http', next: file, origin: bare.origin, samples: [] as number[], p99: [] as number[] },
  ]
  for (let repeat = 0; repeat <= repeats; repeat++) {
    for (const { on, next, origin, samples, p99 } of sides) {
      const sample = await load(on, next, { origin, seconds, connections })
      if (repeat === 0) continue
      samples.push(sample.perSecond)
      p99.push(sample.p99Ms)
    }
  }
  const base = median(sides[1]?.samples ?? [])
  return sides.map(({ on, samples, p99 }) => ({
    group: 'relay',
    what: 'drops of 16 KiB',
    on,
    value: median(samples),
    unit: '/s',
    p99Ms: median(p99),
    ratio: { value: median(samples) / base, of: 'bare' },
  }))
}
