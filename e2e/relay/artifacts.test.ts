import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { planArtifact } from '@agent-marketplace/protocol/sealing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hashFile } from '../../packages/agent-cli/src/agent/source-file.ts'
import { Stage, type StagedAgent } from '../stage/stage.ts'
import { openTunnel } from './tunnel.ts'

const LONG = process.env.LONG === '1'
const MIB = 1024 * 1024
const PART_BYTES = 4 * MIB
/** What any transfer may take of the memory, whatever the size of the file. */
const MEMORY_MAX_MIB = 300
const BIN = join(import.meta.dirname, '..', '..', 'bin', 'agent-marketplace')

let stage: Stage
let alice: StagedAgent
let bob: StagedAgent
beforeAll(async () => {
  stage = new Stage()
  await stage.server.start(['--relay-capacity', '20GiB'])
  ;[alice, bob] = [stage.agent('alice'), stage.agent('bob')]
  await Promise.all([alice.json('register', '--agent-id', 'alice'), bob.json('register', '--agent-id', 'bob')])
})
afterAll(() => stage[Symbol.asyncDispose]())

describe('a file', () => {
  const size = LONG ? 5 * 1024 * MIB : 32 * MIB
  test(`of ${size / MIB} MiB goes up and comes down in at most ${MEMORY_MAX_MIB} MiB of memory`, {
    timeout: LONG ? 3_600_000 : 180_000,
  }, async () => {
    const path = makeFile('large.bin', size)
    const sent = await measured(alice, ['handoff', 'send', '--to', 'bob', '--file', path, '--ttl', '1h'])
    expect(sent.exit).toBe(0)
    const sum = await sumOf(path)
    rmSync(path)
    const { messages } = await bob.json('inbox', '--wait', '30')
    const out = join(stage.directory, 'large')
    const fetched = await measured(bob, ['inbox', 'read', messages[0].messageId, '--out', out])
    expect(fetched.exit).toBe(0)

    expect(await sumOf(join(out, 'large.bin'))).toBe(sum)
    console.log(
      `${size / MIB} MiB: up ${sent.peakMiB} MiB in ${sent.seconds} s, down ${fetched.peakMiB} MiB in ${fetched.seconds} s`,
    )
    for (const { peakMiB } of [sent, fetched]) expect(peakMiB).toBeLessThan(MEMORY_MAX_MIB)
    rmSync(out, { recursive: true })
  })

  test('whose transfer is killed on the way is sent, and fetched, without the parts that are there', {
    timeout: 180_000,
  }, async () => {
    const size = 44 * MIB
    const total = planArtifact(size).parts * PART_BYTES
    // Six parts are under way at the same time: of eight that passed, two are done, and are not sent again.
    const most = total - 2 * PART_BYTES + MIB
    const path = makeFile('killed.bin', size)
    await using tunnel = await openTunnel()
    const through = ['--relay-proxy', tunnel.url]
    const send = ['handoff', 'send', '--to', 'bob', '--file', path, ...through]

    const before = { ...tunnel.passed }
    await killedOnceItPassed(alice, send, () => tunnel.passed.up - before.up > 8 * PART_BYTES)
    const first = tunnel.passed.up - before.up
    expect((await measured(alice, send)).exit).toBe(0)
    expect(tunnel.passed.up - before.up).toBeGreaterThan(total)
    expect(tunnel.passed.up - before.up - first).toBeLessThan(most)

    const { messages } = await bob.json('inbox', '--wait', '30', '--limit', '1')
    const out = join(stage.directory, 'killed')
    const read = ['inbox', 'read', messages[0].messageId, '--out', out, ...through]
    const beforeRead = tunnel.passed.down
    await killedOnceItPassed(bob, read, () => tunnel.passed.down - beforeRead > 8 * PART_BYTES)
    const firstRead = tunnel.passed.down - beforeRead
    expect((await measured(bob, read)).exit).toBe(0)
    expect(tunnel.passed.down - beforeRead - firstRead).toBeLessThan(most)
    expect(await sumOf(join(out, 'killed.bin'))).toBe(await sumOf(path))
  })
})

/** Run a command, and watch the most memory it had resident. */
async function measured(agent: StagedAgent, args: string[]): Promise<{ exit: number | null; peakMiB: number; seconds: number }> {
  const startedMs = performance.now()
  const child = spawn(BIN, [...args, '--json'], { env: { ...process.env, ...agent.env }, stdio: 'ignore' })
  let peakMiB = 0
  const watch = setInterval(() => {
    peakMiB = Math.max(peakMiB, peakOf(child.pid ?? 0))
  }, 20)
  const [exit] = (await once(child, 'close')) as [number | null]
  clearInterval(watch)
  return { exit, peakMiB, seconds: Math.round((performance.now() - startedMs) / 100) / 10 }
}

async function killedOnceItPassed(agent: StagedAgent, args: string[], hasPassed: () => boolean): Promise<void> {
  const child = spawn(BIN, [...args, '--json'], { env: { ...process.env, ...agent.env }, stdio: 'ignore' })
  const closed = once(child, 'close')
  while (!hasPassed() && child.exitCode === null) await sleep(2)
  child.kill('SIGKILL')
  await closed
  expect(child.signalCode).toBe('SIGKILL')
}

/** The kernel's own mark of the highest resident memory; 0 once the process is gone. */
function peakOf(pid: number): number {
  try {
    const [, kib = '0'] = /VmHWM:\s+([0-9]+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return Math.round(Number(kib) / 1024)
  } catch {
    return 0
  }
}

function makeFile(name: string, bytes: number): string {
  const path = join(stage.directory, name)
  const file = openSync(path, 'w')
  const block = randomBytes(MIB)
  for (let written = 0; written < bytes; written += MIB) {
    block.writeUInt32BE(written / MIB)
    writeSync(file, block)
  }
  closeSync(file)
  return path
}

async function sumOf(path: string): Promise<string> {
  await using file = await open(path)
  return await hashFile(file)
}
