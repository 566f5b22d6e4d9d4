// An answered write survives `kill -9` at any instant. LONG=1 kills more often, and before every single system call that changes the disk.
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { beforeEach, expect, test } from 'vitest'
import { expectThings, SCRATCH, Writer } from './writer.ts'

const LONG = process.env.LONG === '1'
const KILLS = LONG ? 500 : 20
/** System calls that change the disk, and of how many of them one is killed in the short form. */
const CALLS = { fsync: 4, pwrite64: 12, rename: 1, unlink: 3 } as const
const PATIENCE_MS = LONG ? 3_600_000 : 120_000

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(SCRATCH, 'kill-'))
  return () => rmSync(directory, { recursive: true })
})

test(
  'killed at random times under eight clients: nothing answered is lost',
  async () => {
    const answered: string[] = []
    for (let kill = 1; kill <= KILLS; kill++) {
      const writer = new Writer(directory, { word: `run-${kill}`, atOnce: 8 })
      await writer.untilAnswered(Math.floor(Math.random() * 200))
      await pause(Math.random() * 10)
      await writer.kill()
      answered.push(...writer.answered)
      await expectThings(directory, answered, `kill ${kill}`)
    }
    expect(answered.length).toBeGreaterThan(KILLS)
  },
  PATIENCE_MS,
)

test.each(Object.entries(CALLS))(
  'killed before each %s of making a database and writing to it: it starts again, and nothing is lost',
  async (call, step) => {
    let exitCode: number | null = null
    let kills = 0
    for (let at = 1; exitCode === null; at += LONG ? 1 : step) {
      const strace = ['-f', '-qq', '-o', '/dev/null', '-e', `trace=${call}`, '-e', `inject=${call}:signal=SIGKILL:when=${at}`]
      const writer = new Writer(directory, { word: 'thing', inAll: 4, strace })
      exitCode = await writer.untilEnded()
      kills++
      await expectThings(directory, writer.answered, `killed before ${call} ${at}`)
      rmSync(directory, { recursive: true })
      directory = mkdtempSync(join(SCRATCH, 'kill-'))
    }
    expect(exitCode).toBe(0)
    expect(kills).toBeGreaterThan(1)
  },
  PATIENCE_MS,
)
