import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { FEED_PAGE_RECORDS_MAX, RECORD_BYTES, RELAY_PATHS } from '@agent-marketplace/protocol'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Running } from '../stage/process.ts'
import type { StagedAgent } from '../stage/stage.ts'
import { type Honest, type HostileRelay, type Lie, pass, type Wish } from './hostile-relay.ts'
import { expectFailure, type HostileStage, NO_RELAY, openHostileStage, runAtOnce } from './hostile-stage.ts'
import { announcing, flipped, gone, hanging, onTheWire, saying, withBody, wordless } from './lies.ts'

/** What takes seconds: a relay that says nothing, and one that never stops. */
const LONG = process.env.LONG === '1'
const CLI = join(import.meta.dirname, '..', '..', 'bin', 'agent-marketplace')

let staged: HostileStage
let relay: HostileRelay
let alice: StagedAgent
let bob: StagedAgent
/** How many messages bob has. */
let known: number
beforeAll(async () => {
  staged = await openHostileStage()
  ;({ relay, alice, bob } = staged)
}, 120_000)
beforeEach(async () => {
  known = (await bob.json('inbox', '--limit', '100')).messages.length
}, 120_000)
afterEach(() => staged.expectNobodyElsewhere())
afterAll(() => staged[Symbol.asyncDispose]())

const say = (text: string) => alice.json('message', 'send', '--to', 'bob', '--text', text)

describe('a relay that lies about drops', () => {
  test('keeps them waiting, and an honest one is believed', { timeout: 240_000 }, async () => {
    await say('late')
    const lies: [number, string, Lie][] = [
      [6, NO_RELAY, withBody((body) => body.subarray(0, -1))],
      [6, NO_RELAY, withBody(() => Buffer.alloc(0))],
      [6, NO_RELAY, saying(404, '<html>')],
      [6, NO_RELAY, staged.redirect(302)],
      [6, 'the relay cannot be reached', onTheWire((body) => [announcing(body.length), body.subarray(1)])],
    ]
    if (LONG) lies.push([6, 'the relay did not answer in time', hanging])
    for (const [exit, message, lie] of lies) {
      relay.lies.set('drop', lie)
      while (!relay.told.has('drop')) {
        const ended = await runAtOnce(bob, ['inbox', '--wait', '5'], message)
        if (relay.told.has('drop')) expectFailure(ended, exit, message)
      }
      relay.repent()
    }
    expect((await staged.arrived(known + 1)).texts).toContain('late')
  })

  test('has those dropped that do not open, and counted, and hears nothing of the next', { timeout: 240_000 }, async () => {
    for (const text of ['one', 'two', 'three', 'four']) await say(text)
    const another = withBody((_, others) => others[0] as Buffer)
    const lies = [flipped, another, gone]
    relay.lies.set('drop', (...asked) => (lies.pop() ?? withBody((body) => body))(...asked))
    const { rejected } = await staged.arrived(known + 1)
    expect(rejected).toBe(3)
  })
})

describe('a relay that lies about its feed', () => {
  /** A page of so many records that are for nobody. */
  const page = (cursor: number, count: number): Buffer => {
    const head = Buffer.alloc(8)
    head.writeBigUInt64BE(BigInt(cursor))
    return Buffer.concat([head, randomBytes(count * RECORD_BYTES)])
  }
  const asPage = (make: (after: number) => Buffer): Lie => {
    return (outgoing, { url }) => pass(outgoing, { status: 200, headers: {}, body: make(Number(url.searchParams.get('after'))) })
  }

  test('delays what it lists, loses and doubles nothing', { timeout: 240_000 }, async () => {
    let first: Promise<Honest> | undefined
    const firstPage: Lie = async (outgoing, { honest }) => {
      first ??= honest()
      pass(outgoing, await first)
    }
    const lies: [string | undefined, Lie][] = [
      [NO_RELAY, asPage(() => Buffer.alloc(0))],
      [NO_RELAY, asPage((after) => page(after + 1, 1).subarray(0, -1))],
      [NO_RELAY, asPage((after) => page(after, 1))],
      [NO_RELAY, saying(404, '{"code":"not_found"}')],
      [NO_RELAY, staged.redirect(307)],
      // Its first page again, and positions that go backwards.
      [undefined, firstPage],
      [undefined, asPage((after) => page(Math.floor(after / 2), 0))],
      [undefined, asPage(() => page(2 ** 53 - 1, 0))],
      [undefined, asPage(() => page(1, 1))],
    ]
    if (LONG) lies.push(['the relay did not answer in time', hanging])
    for (const [message, lie] of lies) {
      relay.lies.set('feed', lie)
      // Of a relay that is away who does not wait is shown what is here.
      const ended = await runAtOnce(bob, ['inbox', ...(lie === hanging ? ['--wait', '1'] : [])], message)
      if (message === undefined) expect(ended).toMatchObject({ exit: 0, stderr: '' })
      else expectFailure(ended, 6, message)
      relay.repent()
    }
    await say('in the feed')
    expect((await staged.arrived(known + 1)).texts).toContain('in the feed')
  })

  if (LONG) {
    const filler = randomBytes(FEED_PAGE_RECORDS_MAX * RECORD_BYTES)
    /** Full pages for ever, with what is true at the beginning of each. */
    const neverEnding: Lie = async (outgoing, { url, honest }) => {
      const answer = await honest()
      const head = page(Number(url.searchParams.get('after')) + FEED_PAGE_RECORDS_MAX, 0)
      const records = Buffer.concat([answer.body.subarray(head.length), filler]).subarray(0, filler.length)
      pass(outgoing, { ...answer, body: Buffer.concat([head, records]) })
    }

    test('and never ends is read until its reader is interrupted, and an honest one is believed', async () => {
      relay.lies.set('feed', neverEnding)
      const inbox = new Running(CLI, ['inbox'], { env: bob.env })
      await expect.poll(() => relay.told.get('feed'), { timeout: 60_000 }).toBeGreaterThan(1)
      expect(await inbox.stop('SIGINT')).toBe(130)
      relay.repent()
      await say('behind it')
      expect((await staged.arrived(known + 1)).texts).toContain('behind it')
    }, 120_000)

    test('and never ends does not keep from a daemon what it has brought', async () => {
      const feedBytes = async () => (await (await fetch(`${relay.origin}${RELAY_PATHS.feed}?after=0`)).bytes()).length
      const before = await feedBytes()
      const { messageId } = await say('amid it')
      await expect.poll(feedBytes, { timeout: 30_000 }).toBeGreaterThan(before)
      relay.lies.set('feed', neverEnding)
      const daemon = bob.daemon()
      await daemon.line((line) => line.event === 'message' && line.messageId === messageId, { withinMs: 120_000 })
      expect(relay.told.get('feed')).toBeGreaterThanOrEqual(10)
      expect(await daemon.stop()).toBe(0)
    }, 180_000)
  }
})

describe('a relay that lies about uploads', () => {
  const answer = (status: number, code: string) => saying(status, JSON.stringify({ code }))
  test.each<[Wish, [number, string, () => Lie][]]>([
    [
      'put part',
      [
        [6, NO_RELAY, () => staged.redirect(307)],
        [5, 'the slot holds other bytes already', () => answer(409, 'already_exists')],
        [6, NO_RELAY, () => saying(200, 'stored')],
        [6, 'the relay cannot be reached', () => wordless],
      ],
    ],
    [
      'put drop',
      [
        [6, NO_RELAY, () => staged.redirect(307)],
        [6, NO_RELAY, () => saying(500)],
        [6, 'the relay cannot be reached', () => wordless],
      ],
    ],
  ])('(%s) fails in words, and the same command arrives once', { timeout: 240_000 }, async (wish, lies) => {
    const handOff = ['handoff', 'send', '--to', 'bob', '--file', staged.stage.file('up.bin', randomBytes(100_000))]
    for (const [exit, message, lie] of lies) {
      relay.lies.set(wish, lie())
      expectFailure(await runAtOnce(alice, handOff, message), exit, message)
      relay.repent()
    }
    const { messageId } = await alice.json(...handOff)
    await staged.arrived(known + 1)
    await bob.json('inbox', 'read', messageId, '--out', join(staged.stage.directory, wish))
  })

  test('and keeps nothing is found out by the recipient', { timeout: 240_000 }, async () => {
    relay.lies.set('put part', saying(204))
    const { messageId } = await alice.json('handoff', 'send', '--to', 'bob', '--file', staged.stage.file('lost.bin', 'lost'))
    await staged.arrived(known + 1)
    const out = join(staged.stage.directory, 'lost')
    expectFailure(await bob.run(['inbox', 'read', messageId, '--out', out]), 4, 'the relay does not have this content')
  })
})
