// The whole server is killed: under clients that deposit, and before the calls that change the disk while a job is done. What was answered is there, what was
// not can be sent again under its key, and the job is paid once. LONG=1: more often, and before every call that syncs or renames.
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { beforeEach, expect, test } from 'vitest'
import { runServer } from '../../packages/platform-server/test/run-server.ts'
import { makeAgent } from '../stage/call.ts'
import { ORIGIN, startControl } from '../stage/control.ts'
import { Depositors } from './depositors.ts'
import { FEE_FLAGS, PAID, ScriptedJob } from './scripted-job.ts'
import { SCRATCH } from './writer.ts'

const LONG = process.env.LONG === '1'
const KILLS = LONG ? 100 : 3
const CLIENTS = 8
/**
 * System calls that change the disk, and of how many of them one is killed, beginning anywhere in the long form. Between two syncs the writes of a job are frames of the log
 * that nobody was told of; kill.test.ts kills before every one of them, of the storage alone.
 */
const CALLS = LONG ? { fsync: 1, pwrite64: 7, rename: 1 } : { fsync: 29 }
const PATIENCE_MS = LONG ? 3_600_000 : 120_000

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(SCRATCH, 'kill-server-'))
  return () => rmSync(directory, { recursive: true })
})

const expectSound = async (when: string) =>
  expect(await runServer(['check', '--plane', 'control', '--data', directory]), when).toMatchObject({ exitCode: 0, stderr: '' })

test(
  `killed ${KILLS} times under ${CLIENTS} clients: no answered deposit is lost, and one that is sent again is made once`,
  async () => {
    const giver = makeAgent('giver', ORIGIN)
    const flags = ['--rate-limits', 'off']
    const keys = new Set<string>()
    let unanswered: readonly string[] = []
    for (let kill = 1; kill <= KILLS + 1; kill++) {
      const { server, port, call } = await startControl(directory, { flags })
      if (kill === 1) await giver.register(call)
      const token = await giver.openSession(call)
      const before = Number((await call('settlement.balance', {}, { token })).available)
      expect(before, `lost by kill ${kill - 1}`).toBeGreaterThanOrEqual(keys.size)
      for (const key of unanswered) await call('settlement.deposit', { amount: '1' }, { token, key })
      for (const key of unanswered) keys.add(key)
      expect(await call('settlement.balance', {}, { token }), `after kill ${kill - 1}`).toEqual({
        available: String(keys.size),
        held: '0',
      })
      if (kill > KILLS) {
        expect(await server.stop()).toBe(0)
        break
      }
      const depositors = new Depositors(CLIENTS, { port, token, word: `kill-${kill}` })
      await depositors.untilAnswered(Math.floor(Math.random() * 200))
      await pause(Math.random() * 10)
      await server.stop('SIGKILL')
      await depositors.ended
      expect(depositors.refused).toEqual([])
      for (const key of depositors.answered) keys.add(key)
      unanswered = depositors.unanswered
    }
    expect(keys.size).toBeGreaterThan(KILLS)
    await expectSound('after all kills')
  },
  PATIENCE_MS,
)

test.each(Object.entries(CALLS))(
  'killed before each %s of a job: it is done to its end with the same keys, the same replies, and one payment',
  async (call, step) => {
    let kills = 0
    for (let at = LONG ? 1 + Math.floor(Math.random() * step) : 1; ; at += step) {
      const strace = ['-f', '-qq', '-o', '/dev/null', '-e', `trace=${call}`, '-e', `inject=${call}:signal=SIGKILL:when=${at}`]
      const job = new ScriptedJob()
      const first = await startControl(directory, { flags: FEE_FLAGS, strace }).catch(() => undefined)
      const isDone = first && (await job.run(first.call)) === 'done'
      // It may also be killed while it stops.
      const wasKilled = !isDone || (await first.stop()) === null
      kills += wasKilled ? 1 : 0

      const again = await startControl(directory, { flags: FEE_FLAGS })
      expect(await job.run(again.call), `killed before ${call} ${at}`).toBe('done')
      expect(await job.balances(again.call), `killed before ${call} ${at}`).toEqual(PAID)
      expect(await again.server.stop()).toBe(0)
      if (LONG) await expectSound(`killed before ${call} ${at}`)
      rmSync(directory, { recursive: true })
      directory = mkdtempSync(join(SCRATCH, 'kill-server-'))
      if (!wasKilled) break
    }
    expect(kills).toBeGreaterThan(0)
  },
  PATIENCE_MS,
)
