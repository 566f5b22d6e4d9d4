import { fc } from '@fast-check/vitest'
import { expect, test } from 'vitest'
import { anyCommand, anyStep } from '../../test/commands.ts'
import { engines, postgres } from '../../test/engines.ts'
import { play, type Told } from '../../test/history.ts'
import { type Snapshot, takeSnapshot } from '../../test/laws.ts'
import { makeTemplate, openWorld, openWorldOn } from '../../test/world.ts'

/** `LONG=1` plays what design/quality.md promises, in minutes; otherwise a sample. */
const IS_LONG = Boolean(process.env.LONG)
const HISTORIES = IS_LONG ? 2_000 : 40
const STEPS_MAX = 100
const SAMPLES_MAX = 10
/** A sample ends after this long, also the search for a smaller history that breaks the same law. */
const PATIENCE = IS_LONG ? {} : { interruptAfterTimeLimit: 60_000 }

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

  const wanted = [...USUAL, ...(IS_LONG ? RARE : [])]
  const missing = () => wanted.filter((end) => !told.ended.has(end))
  // What a sample did not come to by chance, the next one does.
  for (let sample = 0; sample === 0 || (sample < SAMPLES_MAX && missing().length > 0); sample++)
    await fc.assert(
      fc.asyncProperty(history, async (steps) => {
        await using world = await openWorld(template)
        await play(world, steps, told)
      }),
      { numRuns: HISTORIES, ...PATIENCE },
    )

  expect(missing()).toEqual([])
  if (IS_LONG) console.log(told)
})

test('the same history on SQLite and on PostgreSQL leaves the same rows, hashes and all', { timeout: 3_600_000 }, async () => {
  const history = fc.noBias(fc.array(anyCommand, { minLength: 20, maxLength: STEPS_MAX, size: 'max' }))

  await fc.assert(
    fc.asyncProperty(history, async (commands) => {
      const left: Snapshot[] = []
      for (const engine of engines) {
        await using world = await openWorldOn(engine)
        const told: Told = { done: new Map(), refused: new Map(), ended: new Map() }
        await play(
          world,
          commands.map((each) => [each]),
          told,
        )
        left.push(await takeSnapshot(world.deps.db))
      }
      // A signature is by a key of that world.
      const [one, other] = left.map(({ verdicts, ...rest }) => ({
        ...rest,
        verdicts: verdicts.map((row) => ({ ...row, signature: null })),
      }))
      expect(other).toEqual(one)
    }),
    { numRuns: IS_LONG ? 100 : 2, ...PATIENCE },
  )
})

test('the laws hold where a dozen things happen at once on PostgreSQL', { timeout: 3_600_000 }, async () => {
  const crowd = fc.noBias(
    fc.array(fc.array(anyCommand, { minLength: 1, maxLength: 12, size: 'max' }), { maxLength: 20, size: 'max' }),
  )

  await fc.assert(
    fc.asyncProperty(crowd, async (steps) => {
      await using world = await openWorldOn(postgres, { oneByOne: false })
      await play(world, steps, { done: new Map(), refused: new Map(), ended: new Map() })
    }),
    { numRuns: IS_LONG ? 100 : 2, ...PATIENCE },
  )
})
