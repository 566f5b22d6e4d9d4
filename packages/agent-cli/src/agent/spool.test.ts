import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { startTestRelay, type TestRelay } from '../../../platform-server/src/relay/test-relay.ts'
import { nextDueAtMs } from '../private/outbox.ts'
import { forgetExpiredUploads, listSpooled } from '../private/transfers.ts'
import type { RelayClient, SlotUpload } from '../relay/relay-client.ts'
import { type HandoffAgent, introduce, openHandoffAgent } from '../test-handoff.ts'
import { makeTestHome } from '../test-home.ts'
import type { Agent } from './agent.ts'
import { CliError } from './cli-error.ts'
import { deliverOutbox } from './deliver-outbox.ts'
import { fetchFiles } from './fetch-files.ts'
import type { HandoffDelay } from './handoff-delay.ts'
import { receiveDrops } from './receive-drops.ts'
import { sealFiles } from './seal-files.ts'
import { sendFiles } from './send-message.ts'

let relay: TestRelay
let alice: HandoffAgent
let bob: HandoffAgent
let place: ReturnType<typeof makeTestHome>
let file: { path: string; data: Buffer }
beforeAll(async () => {
  relay = await startTestRelay()
})
afterAll(() => relay[Symbol.asyncDispose]())
beforeEach(() => {
  alice = openHandoffAgent(relay.origin, 'alice')
  bob = openHandoffAgent(relay.origin, 'bob')
  introduce(alice, bob)
  place = makeTestHome()
  const data = randomBytes(3_000_000)
  file = { path: join(place.path, 'data.bin'), data }
  writeFileSync(file.path, data)
})
afterEach(() => {
  for (const each of [alice, bob, place]) each[Symbol.dispose]()
})

/** Alice at a time of our choosing, and everything she puts on the relay; `isAway` decides which of it fails. */
function aliceAt(
  at: { ms: number },
  { delay = 'private', isAway = () => false }: { delay?: HandoffDelay; isAway?: (upload: SlotUpload) => boolean } = {},
) {
  const puts: SlotUpload[] = []
  const put = (client: RelayClient) => async (upload: SlotUpload) => {
    if (isAway(upload)) throw new CliError('unreachable', 'away')
    await client.put(upload)
    puts.push(upload)
  }
  const again = alice.restart({ wrap: (client) => ({ ...client, put: put(client) }) })
  const agent: Agent = { ...again, vault: again.vault, now: () => at.ms, handoff: { delay, cover: false, receipts: true } }
  return { agent, puts }
}

const spool = () => join(alice.profile.directory, 'spool')
const spooled = () =>
  existsSync(spool()) ? readdirSync(spool(), { recursive: true, encoding: 'utf8' }).filter((name) => name.includes('/')) : []

async function arrived() {
  for (let left = 60; left > 0; left--) {
    const { stored } = await receiveDrops(bob, { waitS: 1 })
    const document = stored.find(({ typ }) => typ === 'handoff.files')?.document
    if (document && 'artifacts' in document)
      return fetchFiles(bob, { artifacts: document.artifacts as never, directory: join(place.path, 'out') })
  }
  throw new Error('nothing arrived')
}

test('a file rests like a drop: nothing of it reaches the relay before, it leaves before the drop, and may be gone by then', async () => {
  const at = { ms: Date.now() }
  const { agent, puts } = aliceAt(at)
  const { dueAtMs = 0, parts } = await sendFiles(agent, { to: 'bob', files: [file.path] })
  const [upload] = listSpooled(alice.vault)
  const holdMs = upload?.holdUntilMs ?? 0
  expect(dueAtMs).toBeGreaterThanOrEqual(holdMs)
  expect(nextDueAtMs(alice.vault)).toBe(holdMs)
  expect(spooled()).toHaveLength(parts)
  for (const name of spooled()) expect(statSync(join(spool(), name)).mode & 0o777).toBe(0o600)
  // No bytes of the file lie in the spool, and the file may change or go.
  expect(spooled().some((name) => readFileSync(join(spool(), name)).includes(file.data.subarray(0, 16)))).toBe(false)
  rmSync(file.path)

  at.ms = holdMs - 1
  await deliverOutbox(agent, { evenAfterFailure: true })
  expect(puts).toEqual([])
  at.ms = holdMs
  await deliverOutbox(agent, { evenAfterFailure: true })
  expect(puts.length).toBeGreaterThanOrEqual(parts)
  expect(puts.slice(0, parts).every(({ record }) => record === undefined)).toBe(true)
  expect(spooled()).toEqual([])
  at.ms = dueAtMs
  await deliverOutbox(agent, { evenAfterFailure: true })

  expect(puts.map(({ record }) => record !== undefined)).toEqual([...Array.from({ length: parts }, () => false), true])
  expect(readFileSync((await arrived())[0]?.path ?? '').equals(file.data)).toBe(true)
})

test('while its parts cannot be uploaded no drop that leads to them leaves, others do, and what is missing goes later', async () => {
  const at = { ms: Date.now() }
  let allowed = 1
  const { agent, puts } = aliceAt(at, { isAway: ({ record }) => record === undefined && --allowed < 0 })
  const { dueAtMs = 0, parts } = await sendFiles(agent, { to: 'bob', files: [file.path] })
  at.ms = dueAtMs
  await expect(deliverOutbox(agent, { evenAfterFailure: true })).rejects.toMatchObject({ code: 'unreachable' })
  expect(puts.map(({ record }) => record)).toEqual([undefined])

  allowed = Infinity
  // A week later nothing of it has been forgotten.
  at.ms += 8 * 24 * 3_600_000
  forgetExpiredUploads(alice.vault, at.ms)
  await deliverOutbox(agent, { evenAfterFailure: true })
  expect(puts).toHaveLength(parts + 1)
  expect(puts.at(-1)?.record).toBeDefined()
})

test('a hand-over that is repeated while it rests draws no other time and seals nothing again', async () => {
  const at = { ms: Date.now() }
  const { agent } = aliceAt(at)
  const first = await sealFiles(agent, { purpose: 'test', paths: [file.path] })
  const [rest] = listSpooled(alice.vault)
  const times = spooled().map((name) => statSync(join(spool(), name)).mtimeMs)
  at.ms += 1_000

  expect(await sealFiles(agent, { purpose: 'test', paths: [file.path] })).toEqual(first)
  expect(listSpooled(alice.vault)).toEqual([rest])
  expect(spooled().map((name) => statSync(join(spool(), name)).mtimeMs)).toEqual(times)
})

test('sealing that was interrupted goes on where it was, and what no upload knows any more is removed', async () => {
  const at = { ms: Date.now() }
  const { agent } = aliceAt(at)
  let moved = 0
  const onProgress = () => {
    if (++moved === 2) throw new Error('killed')
  }
  const interrupted = sealFiles(agent, { purpose: 'test', paths: [file.path], onProgress })
  await expect(interrupted).rejects.toThrow('killed')
  expect(listSpooled(alice.vault)).toEqual([])
  const begun = spooled()
  expect(begun.length).toBeGreaterThan(0)

  const [artifact] = await sealFiles(agent, { purpose: 'test', paths: [file.path] })
  expect(spooled()).toEqual(expect.arrayContaining(begun))
  expect(spooled()).toHaveLength(artifact?.parts ?? 0)
  alice.vault.run('DELETE FROM uploads')
  await sealFiles(agent, { purpose: 'other', paths: [file.path] })
  expect(spooled().some((name) => begun.includes(name))).toBe(false)
})
