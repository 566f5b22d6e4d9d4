// The laws of money where many things happen at once in several processes: calls of all kinds, about the same few assignments, and the sweeps of all of them.
// LONG=1: many histories.
import { fc } from '@fast-check/vitest'
import { expect, test } from 'vitest'
import { verifyLedger } from '../../packages/platform-server/src/settlement/operations.ts'
import { postgres } from '../../packages/platform-server/test/engines.ts'
import { brokenLaws, type Snapshot, takeSnapshot } from '../../packages/platform-server/test/laws.ts'
import type { Engine } from '../../packages/platform-server/test/place.ts'
import { openTestPlatform, type TestAgent, type TestPlatform } from '../../packages/platform-server/test/platform.ts'
import { CALLS, makeCall, OPENING, signed } from './any-call.ts'
import { AGENTS, type Draw, type Known, learn, nothingKnown } from './any-input.ts'
import { type Call, Racers, type Result } from './racers.ts'

const LONG = process.env.LONG === '1'
const PROCESSES = 4
const HISTORIES = LONG ? 50 : 2
const STEPS = LONG ? 20 : 8
const CALLS_AT_ONCE = 4
/** What must have been done for the laws to have been tried. */
const USUAL = ['tasks.assign', 'tasks.acceptAssignment']
const SAMPLES_MAX = 10
const PATIENCE_MS = LONG ? 6 * 3_600_000 : 120_000
const FLAGS = ['--operator', 'ops', '--fee-bps', '333']
/** Longer than every clock of a history together, several times: each attempt has a lease and a time for verdicts. */
const LONG_MS = 31 * 24 * 3_600_000
const ROUNDS = 8
const OPEN = ['offered', 'assigned', 'working', 'submitted']

const anyStep = fc.record({
  ms: fc.constantFrom(0, 0, 0, 1, 1_001, 20_000, 60_001),
  isSwept: fc.boolean(),
  what: fc.array(fc.constantFrom(...CALLS), { minLength: PROCESSES * CALLS_AT_ONCE, maxLength: PROCESSES * CALLS_AT_ONCE }),
  numbers: fc.array(fc.nat(), { minLength: 512, maxLength: 512 }),
})
type Step = typeof anyStep extends fc.Arbitrary<infer T> ? T : never

interface Scene {
  readonly platform: TestPlatform
  readonly agents: ReadonlyMap<string, TestAgent>
  readonly racers: Racers
  readonly done: Map<string, number>
}

/** What a step calls, all at once: each about what was known before it. */
function drawCalls(step: Step, known: Known, { agents }: Scene): { call: Call; by: string }[] {
  const rest = [...step.numbers]
  const draw: Draw = (choices) => choices[(rest.pop() ?? 0) % choices.length]!
  return step.what.map((name, index) => {
    const { by, input } = makeCall(name, draw, known)
    const agent = agents.get(by) as TestAgent
    const [slice = '', procedure = ''] = name.split('.')
    const key = `call-${draw([0, 1, 2, 3])}-${index}-${step.numbers[0]}`
    return { by, call: { token: agent.token, key, procedure: [slice, procedure], input: signed(input, agent) } }
  })
}

/** @throws AssertionError for an answer that is neither a reply nor a refusal. */
function note(result: Result | undefined, { call, by }: { call: Call; by: string }, known: Known, done: Map<string, number>) {
  const name = call.procedure.join('.')
  if (result?.code !== undefined) return expect(result.code, `${name} by ${by}`).toMatch(/^[a-z_]+$/)
  learn(known, result?.reply, by)
  done.set(name, (done.get(name) ?? 0) + 1)
}

async function play(scene: Scene, steps: readonly Step[]): Promise<void> {
  const { platform, racers, done } = scene
  const known = nothingKnown()
  for (const call of OPENING) {
    const { name, by, input } = call(known)
    const [slice = '', procedure = ''] = name.split('.')
    const api = scene.agents.get(by)?.api as unknown as Record<string, Record<string, (input: object) => Promise<unknown>>>
    learn(known, await api[slice]?.[procedure]?.(input), by)
  }
  let before = await takeSnapshot(platform.deps.db)
  for (const [at, step] of steps.entries()) {
    platform.pass(step.ms)
    const drawn = drawCalls(step, known, scene)
    const results = await racers.race((process) => [
      ...drawn.slice(process * CALLS_AT_ONCE, (process + 1) * CALLS_AT_ONCE).map(({ call }) => call),
      ...(step.isSwept ? (['sweep'] as const) : []),
    ])
    for (const [index, each] of drawn.entries())
      note(results[Math.floor(index / CALLS_AT_ONCE)]?.[index % CALLS_AT_ONCE], each, known, done)
    const now = await takeSnapshot(platform.deps.db)
    expect(brokenLaws(now, before), `after step ${at}`).toEqual([])
    before = now
  }
  await expectNothingTrapped(scene, before)
}

/** Let all clocks run out; the sweeps of all processes come at once, each time. */
async function expectNothingTrapped({ platform, racers }: Scene, start: Snapshot): Promise<void> {
  let before = start
  for (let round = 0; round < ROUNDS; round++) {
    platform.pass(LONG_MS)
    const swept = await racers.race(() => ['sweep'])
    expect(swept.flat().filter(({ code }) => code !== undefined)).toEqual([])
    const now = await takeSnapshot(platform.deps.db)
    expect(brokenLaws(now, before), 'after every clock has run out').toEqual([])
    before = now
  }
  expect(before.holds.filter((row) => row.state === 'active')).toEqual([])
  expect(before.assignments.filter((row) => OPEN.includes(String(row.state)))).toEqual([])
  expect(await platform.deps.db.read(verifyLedger)).toEqual({ entries: before.entries.length })
}

test(
  `${HISTORIES} histories of ${STEPS} × ${PROCESSES * CALLS_AT_ONCE} calls at once in ${PROCESSES} processes keep every law, and nothing is trapped at their end`,
  async () => {
    const done = new Map<string, number>()
    let racers: Racers | undefined
    let platform: TestPlatform | undefined
    const history = fc.noBias(fc.array(anyStep, { minLength: STEPS, maxLength: STEPS, size: 'max' }))
    const missing = () => USUAL.filter((name) => !done.has(name))
    // What a sample did not come to by chance, the next one does.
    for (let sample = 0; sample === 0 || (sample < SAMPLES_MAX && missing().length > 0); sample++)
      await fc.assert(
        fc.asyncProperty(history, async (steps) => {
          await using place = await postgres.open()
          const engine: Engine = { name: 'PostgreSQL', open: async () => ({ ...place, [Symbol.asyncDispose]: async () => {} }) }
          await using opened = await openTestPlatform(FLAGS, {}, { engine })
          platform = opened
          const agents = new Map<string, TestAgent>()
          const capabilities = [{ name: 'work', maxConcurrency: 3, price: '1' }]
          for (const agentId of AGENTS) agents.set(agentId, await platform.agent(agentId, { capabilities, credits: '20' }))
          const opening = { database: place.database ?? '', flags: FLAGS }
          if (racers) await racers.open(opening)
          else racers = await Racers.start(PROCESSES, opening, () => platform?.deps.now() ?? 0)
          await play({ platform, agents, racers, done }, steps)
        }),
        { numRuns: HISTORIES, endOnFailure: true },
      )

    await racers?.[Symbol.asyncDispose]()

    expect(missing()).toEqual([])
    if (LONG) console.log(new Map([...done].sort()))
  },
  PATIENCE_MS,
)
