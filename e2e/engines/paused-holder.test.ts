// A process that holds work is stopped for longer than its lease, as a laptop that sleeps, and goes on as if nothing had happened: what it then submits
// is refused. LONG=1: many more assignments, in several processes.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { makeAgent } from '../stage/call.ts'
import { ORIGIN, startControl } from '../stage/control.ts'
import { Running } from '../stage/process.ts'

const LONG = process.env.LONG === '1'
const HOLDERS = LONG ? 4 : 1
const EACH = LONG ? 100 : 8
const LEASE_MS = LONG ? 20_000 : 3_000
const HOLDER = join(import.meta.dirname, 'holder.ts')
const PATIENCE_MS = LONG ? 3_600_000 : 120_000

test(
  `${HOLDERS} × ${EACH} submissions by a holder that was stopped until its leases were over: all refused, and nobody is paid`,
  async () => {
    const directory = mkdtempSync(join(tmpdir(), 'paused-'))
    const { port, call, stop } = await startControl(directory, { flags: ['--rate-limits', 'off'] })
    const [buyer, executor] = [makeAgent('buyer', ORIGIN), makeAgent('executor', ORIGIN)]
    await buyer.register(call)
    await executor.register(call)
    const options = { token: await buyer.openSession(call) }
    const credits = String(HOLDERS * EACH)
    await call('settlement.deposit', { amount: credits }, options)
    const assign = async () => {
      const { taskId } = await call('tasks.createTask', {}, options)
      const work = { taskId, kind: 'execute', assigneeAgentId: 'executor', price: '1', leaseMs: LEASE_MS, maxAttempts: 3 }
      return ((await call('tasks.assign', work, options)).assignment as { assignmentId: string }).assignmentId
    }
    const doneFile = join(directory, 'done')
    const env = { DONE_FILE: doneFile, SERVER: `http://127.0.0.1:${port}`, TOKEN: await executor.openSession(call) }
    const holders: { holder: Running; held: string[] }[] = []
    for (let each = 0; each < HOLDERS; each++) {
      const held: string[] = []
      for (let count = 0; count < EACH; count++) held.push(await assign())
      const holder = new Running(process.execPath, ['--conditions=source', HOLDER, ...held], { env })
      await holder.line(({ event }) => event === 'accepted')
      holder.child.kill('SIGSTOP')
      holders.push({ holder, held })
    }

    const stateOf = async (assignmentId: string) =>
      ((await call('tasks.getAssignment', { assignmentId }, options)).assignment as { state: string }).state
    for (const { held } of holders)
      for (const assignmentId of held) while ((await stateOf(assignmentId)) === 'working') await pause(100)
    for (const { held } of holders) for (const assignmentId of held) expect(await stateOf(assignmentId)).toBe('expired')
    writeFileSync(doneFile, '')
    const told: unknown[] = []
    for (const { holder } of holders) {
      holder.child.kill('SIGCONT')
      expect(await holder.ended, holder.stderr).toBe(0)
      told.push(...holder.lines.filter(({ event }) => event === 'told').map(({ code }) => code))
    }

    expect(told).toEqual(Array.from({ length: HOLDERS * EACH }, () => 'wrong_state'))
    expect(await call('settlement.balance', {}, options)).toEqual({ available: credits, held: '0' })
    expect(await stop()).toBe(0)
    rmSync(directory, { recursive: true })
  },
  PATIENCE_MS,
)
