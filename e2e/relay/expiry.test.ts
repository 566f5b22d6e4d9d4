import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { Running } from '../stage/process.ts'
import { Stage } from '../stage/stage.ts'

const LONG = process.env.LONG === '1'
const HOUR_MS = 3_600_000
const GONE_WITHIN_MS = 60_000
const SERVER = join(import.meta.dirname, '..', '..', 'bin', 'platform-server')

test('what has expired is gone from every file of the relay within a minute of its hour', { timeout: 180_000 }, async () => {
  await using stage = new Stage()
  const clock = stage.file('clock', '0')
  const preload = pathToFileURL(join(import.meta.dirname, 'shifted-clock.ts'))
  const data = join(stage.directory, 'data')
  const args = ['--data', data, '--listen', '127.0.0.1:0', '--relay-listen', '127.0.0.1:0']
  const server = new Running(SERVER, args, { env: { CLOCK_AHEAD_FILE: clock, NODE_OPTIONS: `--import=${preload}` } })
  try {
    const { relayOrigin } = await server.line((line) => line.event === 'listening')
    const marker = randomBytes(32)
    const upload = (ttl: string, body: Buffer) =>
      fetch(`${relayOrigin}/relay/v1/slots/${randomBytes(16).toString('base64url')}`, {
        method: 'PUT',
        body,
        headers: {
          'relay-delete-hash': marker.toString('base64url'),
          'relay-ttl': ttl,
          'relay-record': Buffer.concat([marker, randomBytes(8)]).toString('base64url'),
        },
      })
    const bodies = [Buffer.alloc(16_384, marker), Buffer.alloc(4_194_304, marker)]
    for (const body of bodies) expect((await upload('1h', body)).status).toBe(204)
    const stays = randomBytes(16_384)
    const kept = await fetch(`${relayOrigin}/relay/v1/slots/${randomBytes(16).toString('base64url')}`, {
      method: 'PUT',
      body: stays,
      headers: { 'relay-delete-hash': randomBytes(32).toString('base64url'), 'relay-ttl': '7d' },
    })
    expect(kept.status).toBe(204)
    const feed = async () => Buffer.from(await (await fetch(`${relayOrigin}/relay/v1/feed?after=0`)).arrayBuffer())
    while (!(await feed()).includes(marker)) await sleep(100)
    expect(bytesUnder(data).includes(marker)).toBe(true)

    // A clock that stands just before the hour shows how long the sweep takes to come; one that is past it, that it comes.
    const goneAtMs = Math.ceil((Date.now() + HOUR_MS) / HOUR_MS) * HOUR_MS
    writeFileSync(clock, String(goneAtMs - Date.now() + (LONG ? -2_000 : 1)))
    if (LONG) await sleep(2_000)
    const passedAtMs = performance.now()
    while (bytesUnder(data).includes(marker) && performance.now() - passedAtMs < GONE_WITHIN_MS) await sleep(100)
    expect(performance.now() - passedAtMs).toBeLessThan(GONE_WITHIN_MS)
    expect(bytesUnder(data).includes(stays)).toBe(true)
  } finally {
    await server.stop()
  }
})

/** Every file as it is at the moment; one may go while it is looked for. */
function bytesUnder(directory: string): Buffer {
  const files = readdirSync(directory, { recursive: true }).map((name) => {
    try {
      return readFileSync(join(directory, String(name)))
    } catch {
      return Buffer.alloc(0)
    }
  })
  return Buffer.concat(files)
}
