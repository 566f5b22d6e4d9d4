// A proxy cuts the connection behind the last byte of a request, before any of the answer: the client cannot know whether it was done, asks again with the
// same key, and it is done once. LONG=1: as often as design/quality.md promises.
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { IDEMPOTENCY_HEADER } from '@agent-marketplace/protocol'
import { expect, test } from 'vitest'
import { createPlatform } from '../../packages/agent-cli/src/platform/client.ts'
import { makeAgent } from '../stage/call.ts'
import { startControl } from '../stage/control.ts'

const LONG = process.env.LONG === '1'
const CUTS = LONG ? 500 : 20
const CLIENTS = 10
const PATIENCE_MS = LONG ? 3_600_000 : 120_000

const KEY = new RegExp(`^${IDEMPOTENCY_HEADER}: (\\S+)`, 'im')

/** A proxy that, once told to, cuts off the first answer to every key, whole. */
class Cutter {
  readonly #proxy = createServer((client) => {
    const server = connect(this.port, '127.0.0.1')
    let key = ''
    client.on('data', (bytes: Buffer) => {
      key = KEY.exec(bytes.toString('latin1'))?.[1] ?? key
      server.write(bytes)
    })
    server.on('data', (bytes) => {
      if (!this.isCutting || this.#cut.has(key)) return client.write(bytes)
      this.#cut.add(key)
      client.resetAndDestroy()
      return server.destroy()
    })
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const)
      one.on('error', () => {}).on('close', () => other.destroy())
  })
  /** Where the server listens. */
  port = 0
  isCutting = false
  /** The keys whose answer was cut off. */
  readonly #cut = new Set<string>()

  get cuts(): number {
    return this.#cut.size
  }

  async listen(): Promise<string> {
    this.#proxy.listen(0, '127.0.0.1')
    await once(this.#proxy, 'listening')
    return `http://127.0.0.1:${(this.#proxy.address() as AddressInfo).port}`
  }

  close(): void {
    this.#proxy.close()
  }
}

test(
  `${CUTS} answers are lost: every call is done once, and its answer is the one that was lost`,
  async () => {
    const directory = mkdtempSync(join(tmpdir(), 'lost-answers-'))
    const cutter = new Cutter()
    const origin = await cutter.listen()
    const { port, call, stop } = await startControl(directory, { flags: ['--rate-limits', 'off', '--origin', origin] })
    cutter.port = port
    const agent = makeAgent('giver', origin)
    await agent.register(call)
    const { agentId } = agent
    const identity = async () => ({ agentId, signKey: agent.keys })
    const caller = { agentId, identity, directory }
    const platform = createPlatform({ origin, caller, timeoutMs: 60_000, now: Date.now })
    expect(await platform.query('settlement.balance', {})).toEqual({ available: '0', held: '0' })

    cutter.isCutting = true
    const entries: string[] = []
    const deposit = async (client: number) => {
      for (let next = 0; cutter.cuts < CUTS; next++) {
        const key = `cut-${client}-${next}`
        entries.push((await platform.mutate('settlement.deposit', { amount: '1' }, { idempotencyKey: key })).entryId)
      }
    }
    await Promise.all(Array.from({ length: CLIENTS }, (_, client) => deposit(client)))
    cutter.isCutting = false

    expect(cutter.cuts).toBe(entries.length)
    expect(new Set(entries).size).toBe(entries.length)
    expect(await platform.query('settlement.balance', {})).toEqual({ available: String(entries.length), held: '0' })
    cutter.close()
    expect(await stop()).toBe(0)
    rmSync(directory, { recursive: true })
  },
  PATIENCE_MS,
)
