// SQLite and PostgreSQL answer alike: the same calls, one after another, are given the same replies and the same refusals. LONG=1: more and longer.
import { fc } from '@fast-check/vitest'
import { expect, test } from 'vitest'
import { findRefusal } from '../../packages/platform-server/src/api/wire-error.ts'
import type { Deps } from '../../packages/platform-server/src/deps.ts'
import { sweepWork } from '../../packages/platform-server/src/review/operations.ts'
import { postgres } from '../../packages/platform-server/test/engines.ts'
import { type Engine, sqlite } from '../../packages/platform-server/test/place.ts'
import { openTestPlatform, type TestAgent, type TestPlatform } from '../../packages/platform-server/test/platform.ts'
import { type AnyCall, CALLS, makeCall, OPENING, signed } from './any-call.ts'
import { AGENTS, type Draw, learn, nothingKnown } from './any-input.ts'

const LONG = process.env.LONG === '1'
const SAMPLES_MAX = 10
const HISTORIES = LONG ? 300 : 3
const STEPS = LONG ? 200 : 60
const PATIENCE_MS = LONG ? 6 * 3_600_000 : 120_000
/** What is random in an answer, or made with keys that are. */
const OWN = new Set(['card', 'prekey', 'signature', 'nextBeatMs', 'instanceId'])

interface Side {
  readonly platform: TestPlatform
  readonly agents: ReadonlyMap<string, TestAgent>
}

async function openSide(engine: Engine): Promise<Side> {
  let made = 0
  const ids: Deps['newId'] = (prefix) => `${prefix}_${String(++made).padStart(26, '0')}`
  const platform = await openTestPlatform(['--operator', 'ops', '--fee-bps', '250'], {}, { engine, ids })
  const agents = new Map<string, TestAgent>()
  const capabilities = [{ name: 'work', maxConcurrency: 2, price: '1' }]
  for (const agentId of AGENTS) agents.set(agentId, await platform.agent(agentId, { capabilities, credits: '20' }))
  return { platform, agents }
}

/** What the caller sees: the reply, or the refusal. A fault fails the test. */
async function answerOf(
  { agents }: Side,
  { name, by, input }: AnyCall,
  key: string,
): Promise<{ reply?: unknown; refusal?: object }> {
  const agent = agents.get(by) as TestAgent
  const [slice = '', procedure = ''] = name.split('.')
  const api = agent.as(key) as unknown as Record<string, Record<string, (input: object) => Promise<unknown>>>
  try {
    return { reply: await api[slice]?.[procedure]?.(signed(input, agent)) }
  } catch (error) {
    const refusal = findRefusal(error)
    if (!refusal) throw error
    const { code, message, hint, retryAfterMs } = refusal
    return { refusal: { code, message, hint, retryAfterMs } }
  }
}

function withoutOwn(answer: object): unknown {
  return JSON.parse(JSON.stringify(answer, (field, value) => (OWN.has(field) ? null : value)))
}

const anyStep = fc.record({
  what: fc.constantFrom(...CALLS, 'pass' as const, 'sweep' as const),
  numbers: fc.array(fc.nat(), { minLength: 16, maxLength: 16 }),
})
type Step = typeof anyStep extends fc.Arbitrary<infer T> ? T : never

/** @param done - Where to count the calls that were not refused. */
async function playOnBoth(steps: readonly Step[], done: Map<string, number>): Promise<void> {
  const [one, other] = [await openSide(sqlite), await openSide(postgres)]
  await using _one = one.platform
  await using _other = other.platform
  const known = nothingKnown()
  let calls = 0
  const compare = async (call: AnyCall) => {
    const key = `key-${++calls}`
    const [expected, answer] = [await answerOf(one, call, key), await answerOf(other, call, key)]
    expect(withoutOwn(answer), `call ${calls}: ${JSON.stringify(call)}`).toEqual(withoutOwn(expected))
    if (expected.refusal) return
    learn(known, expected.reply, call.by)
    done.set(call.name, (done.get(call.name) ?? 0) + 1)
  }
  for (const call of OPENING) await compare(call(known))
  for (const { what, numbers } of steps) {
    const rest = [...numbers]
    const draw: Draw = (choices) => choices[(rest.pop() ?? 0) % choices.length]!
    if (what === 'pass') {
      const ms = draw([1, 1_001, 20_000, 60_001])
      for (const { platform } of [one, other]) platform.pass(ms)
    } else if (what === 'sweep') {
      const [expected, swept] = [await sweepWork(one.platform.deps), await sweepWork(other.platform.deps)]
      expect(swept, 'how much was swept').toBe(expected)
    } else await compare(makeCall(what, draw, known))
  }
}

test(`${HISTORIES} histories of ${STEPS} calls are answered alike`, { timeout: PATIENCE_MS }, async () => {
  const done = new Map<string, number>()
  const history = fc.noBias(fc.array(anyStep, { minLength: STEPS, maxLength: STEPS, size: 'max' }))
  // Histories in which nothing is done compare nothing: what a sample did not come to by chance, the next one does.
  const missing = () => ['tasks.acceptAssignment', 'tasks.completeAssignment'].filter((name) => !done.has(name))
  for (let sample = 0; sample === 0 || (sample < SAMPLES_MAX && missing().length > 0); sample++)
    await fc.assert(
      fc.asyncProperty(history, (steps) => playOnBoth(steps, done)),
      { numRuns: HISTORIES, endOnFailure: true },
    )
  expect(missing()).toEqual([])
  if (LONG) console.log(new Map([...done].sort()))
})
