import { fc } from '@fast-check/vitest'
import { expect, test } from 'vitest'
import { anyStep } from '../../test/commands.ts'
import { play, type Told } from '../../test/history.ts'
import { makeTemplate, openWorld } from '../../test/world.ts'

const HISTORIES = process.env.LONG ? 2_000 : 40
const STEPS_MAX = 100

test(`the laws of money hold after every step of ${HISTORIES} histories, and nothing is trapped at their end`, {
  timeout: 4 * 3_600_000,
}, async () => {
  using template = await makeTemplate()
  const told: Told = { done: new Map(), refused: new Map() }
  const history = fc.noBias(fc.array(anyStep, { maxLength: STEPS_MAX, size: 'max' }))

  await fc.assert(
    fc.asyncProperty(history, async (steps) => {
      await using world = await openWorld(template)
      await play(world, steps, told)
    }),
    { numRuns: HISTORIES, endOnFailure: false },
  )

  for (const deed of ['assign', 'claim', 'accept', 'complete', 'verdict', 'cancel']) {
    expect(told.done.get(deed), deed).toBeGreaterThan(0)
  }
  if (process.env.LONG) console.log(told)
})
