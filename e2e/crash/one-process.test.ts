import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { expectThings, SCRATCH, Writer } from './writer.ts'

/** A start takes a second or two. */
const TURNED_AWAY_MAX_MS = 15_000

test('a file is one process’s own: another one is turned away, and let in as soon as the first is dead', async () => {
  const directory = mkdtempSync(join(SCRATCH, 'own-'))
  const first = new Writer(directory, { word: 'first' })
  await first.untilAnswered(1)
  const second = new Writer(directory, { word: 'second' })
  const ended = await Promise.race([second.untilEnded(), pause(TURNED_AWAY_MAX_MS, 'still at work', { ref: false })])
  await second.kill()
  expect([0, 'still at work']).not.toContain(ended)
  expect(second.answered).toEqual([])
  expect(second.stderr).toContain('in use by another process')
  const before = first.answered.length
  await first.untilAnswered(before + 1)
  await first.kill()
  const third = new Writer(directory, { word: 'third', inAll: 3 })
  expect(await third.untilEnded(), third.stderr).toBe(0)

  await expectThings(directory, [...first.answered, 'third-0', 'third-1', 'third-2'], 'after all')
  rmSync(directory, { recursive: true })
})
