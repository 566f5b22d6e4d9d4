import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { StagedAgent } from '../stage/stage.ts'
import type { HostileRelay, Lie } from './hostile-relay.ts'
import { expectFailure, type HostileStage, NO_RELAY, openHostileStage, runAtOnce } from './hostile-stage.ts'
import { announcing, endless, flipped, gone, hanging, onTheWire, saying, withBody } from './lies.ts'

/** Ask honestly behind every single lie, not behind all of them together. */
const LONG = process.env.LONG === '1'
/** Each part of it is 64 KiB on the relay. */
const content = randomBytes(200_000)
const PARTS = 4

let staged: HostileStage
let relay: HostileRelay
let bob: StagedAgent
/** A message to bob that brings `content` as `data.bin`. */
let messageId: string

beforeAll(async () => {
  staged = await openHostileStage()
  ;({ relay, bob } = staged)
  const hand = (name: string, bytes: Uint8Array) =>
    staged.alice.json('handoff', 'send', '--to', 'bob', '--file', staged.stage.file(name, bytes))
  await hand('other.bin', randomBytes(content.length))
  messageId = (await hand('data.bin', content)).messageId
  await staged.arrived(2)
}, 120_000)
afterEach(() => staged.expectNobodyElsewhere())
afterAll(() => staged[Symbol.asyncDispose]())

async function fetchHonestly(out: string): Promise<void> {
  await bob.json('inbox', 'read', messageId, '--out', out)
  expect(readdirSync(out)).toEqual(['data.bin'])
  expect(readFileSync(join(out, 'data.bin')).equals(content)).toBe(true)
}

const CHANGED = 'a part of the content was changed on its way'

describe('a relay that lies about the parts of a file leaves nothing behind, and the next honest one is believed', () => {
  test.each<[string, number, string, () => Lie]>([
    ['cuts off the last byte', 6, NO_RELAY, () => withBody((body) => body.subarray(0, -1))],
    ['cuts to a smaller size', 5, CHANGED, () => withBody((body) => body.subarray(0, 16_384))],
    ['flips a bit', 5, CHANGED, () => flipped],
    ['appends a byte', 6, NO_RELAY, () => withBody((body) => Buffer.concat([body, Buffer.alloc(1)]))],
    ['appends to a larger size', 5, CHANGED, () => withBody((body) => Buffer.concat([body, body, body, body]))],
    ['sends other parts of the file', 5, CHANGED, () => withBody((_, others) => others.at(-1) as Buffer)],
    ['sends parts of another file', 5, CHANGED, () => withBody((_, others) => others[0] as Buffer)],
    ['sends nothing', 6, NO_RELAY, () => withBody(() => Buffer.alloc(0))],
    ['announces less than it sends', 5, CHANGED, () => onTheWire((body) => [announcing(16_384), body])],
    [
      'hangs up half-way',
      6,
      'the relay cannot be reached',
      () => onTheWire((body) => [announcing(body.length), body.subarray(1)]),
    ],
    ['falls silent half-way', 6, 'the relay did not answer in time', () => hanging],
    ['never ends', 6, NO_RELAY, () => endless],
    ['does not speak HTTP', 6, NO_RELAY, () => onTheWire(() => ['220 mail.example ready\r\n\r\n'])],
    ['says that they are gone', 4, 'the relay does not have this content', () => gone],
    ['has a page for what is not there', 6, NO_RELAY, () => saying(404, '<html>')],
    ['has no content', 6, NO_RELAY, () => saying(204)],
    ['breaks down', 6, NO_RELAY, () => saying(500, 'oops')],
    ['leads elsewhere with a 302', 6, NO_RELAY, () => staged.redirect(302)],
    ['leads elsewhere with a 307', 6, NO_RELAY, () => staged.redirect(307)],
  ])('%s', async (name, exit, message, lie) => {
    const out = join(staged.stage.directory, LONG ? name : 'lies')
    relay.lies.set('part', lie())
    expectFailure(await runAtOnce(bob, ['inbox', 'read', messageId, '--out', out], message), exit, message)
    expect(relay.told.get('part')).toBeGreaterThan(0)
    expect(readdirSync(out)).toEqual([])

    relay.repent()
    if (LONG) await fetchHonestly(out)
  })

  test('honestly', () => fetchHonestly(join(staged.stage.directory, 'lies')))

  test('where it lied about some, those alone are asked for again, and until then no file has the name', {
    timeout: 120_000,
  }, async () => {
    const out = join(staged.stage.directory, 'some')
    relay.lies.set('part', (...asked) => (relay.told.get('part') === PARTS ? flipped : withBody((body) => body))(...asked))
    expectFailure(await bob.run(['inbox', 'read', messageId, '--out', out]), 5, CHANGED)
    expect(readdirSync(out)).toEqual([expect.stringMatching(/^\.[0-9a-f]{32}\.partial$/)])

    relay.repent()
    relay.lies.set(
      'part',
      withBody((body) => body),
    )
    await bob.json('inbox', 'read', messageId, '--out', out)
    expect(relay.told.get('part')).toBe(1)
    expect(readdirSync(out)).toEqual(['data.bin'])
  })

  test('more than was announced is not read', { timeout: 120_000 }, async () => {
    const out = join(staged.stage.directory, 'more')
    relay.lies.set(
      'part',
      onTheWire((body) => [announcing(body.length), body, 'HTTP/1.1 302 Found\r\n\r\n', body]),
    )
    await bob.json('inbox', 'read', messageId, '--out', out)
    expect(readFileSync(join(out, 'data.bin')).equals(content)).toBe(true)
  })
})
