import { hash, randomBytes } from 'node:crypto'
import { RELAY_PATHS, toBase64url } from '@agent-marketplace/protocol'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { digestOf } from './test-digest.ts'
import { makeDrop, put, read, type TestDrop } from './test-drop.ts'
import { call, startTestRelay, type TestRelay } from './test-relay.ts'
import type { TokenVerifier } from './tokens.ts'

const START_HOUR = 500_000
const EPOCH_ENDS = START_HOUR + 100
let nowMs = START_HOUR * 3_600_000

const keys = [{ epoch: 7, message: 'm', part: 'p' }]

/** Takes any 32 bytes that begin with the first letter of their class: this tests the relay, not a signature scheme. */
const verifier: TokenVerifier = {
  verify: async (token, tokenClass) => {
    const isGood = token.length === 32 && token[0] === tokenClass.charCodeAt(0)
    return isGood ? { spentHash: hash('sha256', token, 'buffer'), forgetHour: EPOCH_ENDS } : undefined
  },
  epochs: () => keys,
}

let relay: TestRelay
beforeEach(async () => {
  nowMs = START_HOUR * 3_600_000
  relay = await startTestRelay({ tokens: verifier, now: () => nowMs })
})
afterEach(() => relay[Symbol.asyncDispose]())

const token = (tokenClass: string) => toBase64url(Buffer.concat([Buffer.from(tokenClass.slice(0, 1)), randomBytes(31)]))
const pay = (drop: TestDrop, value: string) => put(relay.origin, drop, { 'relay-token': value })

test('an upload costs one token of its class', async () => {
  const drop = makeDrop()
  const { 'relay-record': _, ...headers } = drop.headers
  expect((await pay(drop, token('message'))).status).toBe(204)
  expect((await pay({ ...makeDrop(), headers }, token('part'))).status).toBe(204)
})

test('a token of class message pays for no more bytes than a drop has, also with a record', async () => {
  const large = makeDrop({ bytes: 65_536 })
  const before = await digestOf(relay)

  expect((await pay(large, token('message'))).status).toBe(401)
  expect(await digestOf(relay)).toBe(before)
  expect((await pay(large, token('part'))).status).toBe(204)
})

test('a missing, malformed, foreign or spent token is refused with one answer, and nothing changes', async () => {
  const spent = token('message')
  await pay(makeDrop(), spent)
  const before = await digestOf(relay)

  const answers = [
    await put(relay.origin, makeDrop()),
    await pay(makeDrop(), 'not base64url!'),
    await pay(makeDrop(), toBase64url(randomBytes(5))),
    await pay(makeDrop(), token('part')),
    await pay(makeDrop(), spent),
  ]

  expect(answers[0]?.status).toBe(401)
  expect(answers[0]?.body.toString()).toBe('{"code":"unauthenticated"}')
  for (const answer of answers) expect(answer).toEqual(answers[0])
  expect(await digestOf(relay)).toBe(before)
})

test('the same upload again with the same token is taken, as after a lost answer', async () => {
  const [drop, value] = [makeDrop(), token('message')]
  await pay(drop, value)
  expect((await pay(drop, value)).status).toBe(204)
})

test('ten parallel uploads with one token: one is taken', async () => {
  const value = token('message')
  const drops = Array.from({ length: 10 }, () => makeDrop())
  const answers = await Promise.all(drops.map((drop) => pay(drop, value)))

  expect(answers.map((answer) => answer.status).sort()).toEqual([204, ...Array(9).fill(401)])
  const reads = await Promise.all(drops.map((drop) => read(relay.origin, drop)))
  expect(reads.filter((answer) => answer.status === 200)).toHaveLength(1)
})

test('spent tokens survive a restart and are forgotten with their epoch', async () => {
  const value = token('message')
  await pay(makeDrop(), value)
  await using again = await relay.restart()
  expect((await put(again.origin, makeDrop(), { 'relay-token': value })).status).toBe(401)

  nowMs = EPOCH_ENDS * 3_600_000
  await again.plane.sweep()
  const rows = await again.db.read((reader) => reader.all('SELECT * FROM spent_tokens'))
  expect(rows).toEqual([])
})

test('the keys of the epochs are public', async () => {
  expect((await call(relay.origin, 'GET', RELAY_PATHS.keys)).body.toString()).toBe(JSON.stringify({ epochs: keys }))
})
