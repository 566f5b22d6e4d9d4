import { randomBytes } from 'node:crypto'
import { readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { toBase64url } from '@agent-marketplace/protocol'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startTestRelay, type TestRelay } from '../../../platform-server/src/relay/test-relay.ts'
import { listUploadKeys } from '../private/transfers.ts'
import type { RelayClient, SlotUpload } from '../relay/relay-client.ts'
import { type HandoffAgent, openHandoffAgent } from '../test-handoff.ts'
import { makeTestHome } from '../test-home.ts'
import { CliError } from './cli-error.ts'
import { fetchFiles } from './fetch-files.ts'
import { sealFiles } from './seal-files.ts'

let relay: TestRelay
let alice: HandoffAgent
let place: ReturnType<typeof makeTestHome>
let path: string
beforeAll(async () => {
  relay = await startTestRelay()
})
afterAll(() => relay[Symbol.asyncDispose]())
beforeEach(() => {
  alice = openHandoffAgent(relay.origin, 'alice')
  place = makeTestHome()
  path = join(place.path, 'data.bin')
})
afterEach(() => {
  alice[Symbol.dispose]()
  place[Symbol.dispose]()
})

function writeRandom(bytes: number): Buffer {
  const data = randomBytes(bytes)
  writeFileSync(path, data)
  return data
}

/** Another process of the same agent, and the slots that it wanted to fill. */
function watched(beforePut: (nth: number) => void = () => {}) {
  const slots: string[] = []
  const wrap = (client: RelayClient): RelayClient => ({
    ...client,
    async put(upload: SlotUpload) {
      beforePut(slots.push(toBase64url(upload.slotId)))
      await client.put(upload)
    },
  })
  return { slots, agent: alice.restart({ wrap }) }
}

const away = () => new CliError('unreachable', 'away')

describe('a long file, whose parts leave before its hash is known', () => {
  const files = () => ({ purpose: 'test', paths: [path], hashedFirstBytesMax: 0 })

  test('comes back as it was, and is not sent again', async () => {
    const data = writeRandom(3_000_000)
    const { slots, agent } = watched()
    const artifacts = await sealFiles(agent, files())
    expect(slots).toHaveLength(artifacts[0]?.parts ?? 0)

    const again = watched()
    expect(await sealFiles(again.agent, files())).toEqual(artifacts)
    expect(again.slots).toEqual([])
    const [file] = await fetchFiles(alice, { artifacts, directory: join(place.path, 'out') })
    expect(readFileSync(file?.path ?? '').equals(data)).toBe(true)
  })

  test('is sent without the parts that are there after the relay was away', async () => {
    writeRandom(3_000_000)
    const broken = watched((nth) => {
      if (nth > 2) throw away()
    })
    await expect(sealFiles(broken.agent, files())).rejects.toMatchObject({ code: 'unreachable' })

    const again = watched()
    const [artifact] = await sealFiles(again.agent, files())
    expect(again.slots).toHaveLength((artifact?.parts ?? 0) - 2)
    expect(again.slots).not.toContain(broken.slots[0])
    expect(again.slots).not.toContain(broken.slots[1])
  })

  test('and that is cut off before leaves no key behind: nothing says that the next content is the same', async () => {
    writeRandom(0)
    // Nobody reads this much within the time of a part.
    truncateSync(path, 64 * 1024 ** 3)
    const cut = new AbortController()
    const { slots, agent } = watched(() => cut.abort(new CliError('interrupted', 'interrupted')))
    await expect(sealFiles(agent, { ...files(), signal: cut.signal })).rejects.toMatchObject({ code: 'interrupted' })
    expect(slots.length).toBeGreaterThan(0)
    expect(listUploadKeys(alice.vault)).toEqual([])
  })

  test('and that changes meanwhile is refused, and what it is now is sealed under another key', async () => {
    // More parts than are under way at once: some are read after the first was put.
    writeRandom(30_000_000)
    const { slots, agent } = watched((nth) => {
      if (nth === 1) writeRandom(30_000_000)
    })
    await expect(sealFiles(agent, files())).rejects.toMatchObject({ code: 'usage' })

    const again = watched()
    const [artifact] = await sealFiles(again.agent, files())
    expect(again.slots).toHaveLength(artifact?.parts ?? 0)
    expect(again.slots.filter((slot) => slots.includes(slot))).toEqual([])
  })

  test('has one key, whichever of two processes knows its hash first', async () => {
    const data = writeRandom(3_000_000)
    const processes = [watched(), watched(), watched()]
    const [first, ...others] = await Promise.all(processes.map(({ agent }) => sealFiles(agent, files())))
    for (const artifacts of others) expect(artifacts).toEqual(first)
    expect(listUploadKeys(alice.vault)).toHaveLength(1)

    const [file] = await fetchFiles(alice, { artifacts: first ?? [], directory: join(place.path, 'out') })
    expect(readFileSync(file?.path ?? '').equals(data)).toBe(true)
  })
})
