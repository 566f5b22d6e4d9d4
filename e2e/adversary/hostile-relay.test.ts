import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { findFreePort } from '../stage/free-port.ts'
import type { Ended } from '../stage/process.ts'
import { Stage, type StagedAgent } from '../stage/stage.ts'
import { type HostileRelay, type Lie, startHostileRelay } from './hostile-relay.ts'
import { announcing, endless, flipped, gone, hanging, onTheWire, saying, withBody } from './lies.ts'

/** Ask honestly behind every single lie, not behind all of them together. */
const LONG = process.env.LONG === '1'
/** Each part of it is 64 KiB on the relay. */
const content = randomBytes(200_000)
const PARTS = 4
const AT_ONCE = ['--timeout', '1']

let stage: Stage
let relay: HostileRelay
let alice: StagedAgent
let bob: StagedAgent
/** A message to bob that brings `content` as `data.bin`. */
let messageId: string

beforeAll(async () => {
  stage = new Stage()
  const [port, relayPort] = [await findFreePort(), await findFreePort()]
  relay = await startHostileRelay(relayPort)
  const behind = { listen: `127.0.0.1:${port}`, relayListen: `127.0.0.1:${relayPort}` }
  await stage.server.start(['--origin', `http://127.0.0.1:${port}`, '--relay-origin', relay.origin], behind)
  ;[alice, bob] = [stage.agent('alice'), stage.agent('bob')]
  await Promise.all([alice.json('register', '--agent-id', 'alice'), bob.json('register', '--agent-id', 'bob')])
  await alice.json('handoff', 'send', '--to', 'bob', '--file', stage.file('other.bin', randomBytes(content.length)))
  messageId = (await alice.json('handoff', 'send', '--to', 'bob', '--file', stage.file('data.bin', content))).messageId
  await arrived(2)
}, 120_000)
afterEach(() => {
  relay.repent()
  // Wherever an answer led, nobody went there.
  expect(relay.elsewhere.requests).toEqual([])
})
afterAll(async () => {
  await relay[Symbol.asyncDispose]()
  await stage[Symbol.asyncDispose]()
})

/** What bob's inbox says once it lists so many messages. */
async function arrived(count: number): Promise<{ rejected: number; texts: string[] }> {
  for (;;) {
    const { messages, rejected } = await bob.json('inbox', '--wait', '5', '--limit', '100')
    if (messages.length >= count) {
      expect(messages).toHaveLength(count)
      return { rejected, texts: messages.map(({ summary }: { summary: string }) => summary) }
    }
  }
}

async function fetchHonestly(out: string): Promise<void> {
  await bob.json('inbox', 'read', messageId, '--out', out)
  expect(readdirSync(out)).toEqual(['data.bin'])
  expect(readFileSync(join(out, 'data.bin')).equals(content)).toBe(true)
}

function redirect(status: number): Lie {
  const { origin } = relay.elsewhere
  return saying(status, '', {
    location: `${origin}/elsewhere`,
    refresh: `0; url=${origin}`,
    'alt-svc': `h2="${new URL(origin).host}"`,
  })
}

/** A failure says one thing in one line, and perhaps what to do about it, and nothing else. */
function expectFailure({ exit, stdout, stderr }: Ended, expected: number, message: string): void {
  expect({ exit, stdout, stderr }).toEqual({
    exit: expected,
    stdout: '',
    stderr: expect.stringMatching(/^Error: [^\n]+\n(Hint: [^\n]+\n)?$/),
  })
  expect(stderr).toContain(message)
}

const NO_RELAY = 'what answered is not a relay of Agent Marketplace'
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
    ['leads elsewhere with a 302', 6, NO_RELAY, () => redirect(302)],
    ['leads elsewhere with a 307', 6, NO_RELAY, () => redirect(307)],
  ])('%s', { timeout: 60_000 }, async (name, exit, message, lie) => {
    const out = join(stage.directory, LONG ? name : 'lies')
    relay.lies.set('part', lie())
    expectFailure(await bob.run(['inbox', 'read', messageId, '--out', out, ...AT_ONCE]), exit, message)
    expect(relay.told.get('part')).toBeGreaterThan(0)
    expect(readdirSync(out)).toEqual([])

    relay.repent()
    if (LONG) await fetchHonestly(out)
  })

  test('honestly', () => fetchHonestly(join(stage.directory, 'lies')), 60_000)

  test('where it lied about some, those alone are asked for again, and until then no file has the name', {
    timeout: 60_000,
  }, async () => {
    const out = join(stage.directory, 'some')
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

  test('more than was announced is not read', { timeout: 60_000 }, async () => {
    const out = join(stage.directory, 'more')
    relay.lies.set(
      'part',
      onTheWire((body) => [announcing(body.length), body, 'HTTP/1.1 302 Found\r\n\r\n', body]),
    )
    await bob.json('inbox', 'read', messageId, '--out', out)
    expect(readFileSync(join(out, 'data.bin')).equals(content)).toBe(true)
  })
})

describe('a relay that lies about drops', () => {
  let known: number
  const say = (text: string) => alice.json('message', 'send', '--to', 'bob', '--text', text)
  beforeEach(async () => {
    known = (await bob.json('inbox', '--limit', '100')).messages.length
  }, 60_000)

  test('keeps them waiting, and an honest one is believed', { timeout: 120_000 }, async () => {
    await say('late')
    const lies: [number, string, Lie][] = [
      [6, NO_RELAY, withBody((body) => body.subarray(0, -1))],
      [6, NO_RELAY, withBody(() => Buffer.alloc(0))],
      [6, NO_RELAY, saying(404, '<html>')],
      [6, NO_RELAY, redirect(302)],
      [6, 'the relay cannot be reached', onTheWire((body) => [announcing(body.length), body.subarray(1)])],
      [6, 'the relay did not answer in time', hanging],
    ]
    for (const [exit, message, lie] of lies) {
      relay.lies.set('drop', lie)
      while (!relay.told.has('drop')) {
        const ended = await bob.run(['inbox', '--wait', '5', ...AT_ONCE])
        if (relay.told.has('drop')) expectFailure(ended, exit, message)
      }
      relay.repent()
    }
    expect((await arrived(known + 1)).texts).toContain('late')
  })

  test('has those dropped that do not open, and counted, and hears nothing of the next', { timeout: 120_000 }, async () => {
    for (const text of ['one', 'two', 'three', 'four']) await say(text)
    const another = withBody((_, others) => others[0] as Buffer)
    const lies = [flipped, another, gone]
    relay.lies.set('drop', (...asked) => (lies.pop() ?? withBody((body) => body))(...asked))
    const { rejected } = await arrived(known + 1)
    expect(rejected).toBe(3)
  })
})
