import { fc } from '@fast-check/vitest'
import { expect, test } from 'vitest'
import { anyStep } from '../../test/commands.ts'
import { play, type Told } from '../../test/history.ts'
import { makeTemplate, openWorld } from '../../test/world.ts'

/** `LONG=1` plays what design/quality.md promises, in minutes; otherwise a sample. */
const IS_LONG = Boolean(process.env.LONG)
const HISTORIES = IS_LONG ? 2_000 : 40
const STEPS_MAX = 100

/** What a history must have come to for the laws to have been tried: in any sample, and in a long run. */
const USUAL = ['execute passed', 'execute expired', 'execute cancelled', 'review passed', 'review cancelled', 'review expired']
const RARE = [
  'execute passed after rework',
  'execute failed after rework',
  'execute expired after rework',
  'review passed after rework',
]

test(`the laws of money hold after every step of ${HISTORIES} histories, and nothing is trapped at their end`, {
  timeout: 4 * 3_600_000,
}, async () => {
  using template = await makeTemplate()
  const told: Told = { done: new Map(), refused: new Map(), ended: new Map() }
  const history = fc.noBias(fc.array(anyStep, { maxLength: STEPS_MAX, size: 'max' }))

  await fc.assert(
    fc.asyncProperty(history, async (steps) => {
      await using world = await openWorld(template)
      await play(world, steps, told)
    }),
    { numRuns: HISTORIES },
  )

  for (const end of [...USUAL, ...(IS_LONG ? RARE : [])]) expect(told.ended.get(end), end).toBeGreaterThan(0)
  if (IS_LONG) console.log(told)
})
