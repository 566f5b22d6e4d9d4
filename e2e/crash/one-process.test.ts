import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { expectThings, SCRATCH, Writer } from './writer.ts'

test('a file is one process’s own: another one is turned away, and let in as soon as the first is dead', async () => {
  const directory = mkdtempSync(join(SCRATCH, 'own-'))
  const first = new Writer(directory, { word: 'first' })
  await first.untilAnswered(1)
  const second = new Writer(directory, { word: 'second' })
  const atWork = second.untilAnswered(1).then(
    () => 'at work',
    () => 'ended',
  )
  await Promise.race([second.untilEnded(), atWork])
  const ended = second.hasEnded
  await second.kill()
  expect(ended).toBe(true)
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
