import { afterEach, expect, test } from 'vitest'
import { BeatLine, type BeatLineLimits } from './beat-line.ts'

/** Ticks only when the test says so. */
const NEVER_MS = 2_000_000_000
const LIMITS: BeatLineLimits = { tickMs: NEVER_MS, inPerTick: 3, waitingMax: 5, underWayMax: 100 }

const lines: BeatLine[] = []
function openLine(limits: Partial<BeatLineLimits> = {}): BeatLine {
  const line = new BeatLine({ ...LIMITS, ...limits })
  lines.push(line)
  return line
}
afterEach(() => {
  for (const line of lines.splice(0)) line.end()
})

/** Beats that stand in line, and what became of each: let in, turned away, or still in line. */
function joinMany(line: BeatLine, count: number): () => { in: number; away: number; inLine: number } {
  const told: (boolean | undefined)[] = []
  for (let index = 0; index < count; index++) {
    const turn = line.join()
    if (turn === true) told[index] = true
    else {
      told[index] = undefined
      void turn.then((isIn) => told.splice(index, 1, isIn))
    }
  }
  const countOf = (what: boolean | undefined) => told.filter((each) => each === what).length
  return () => ({ in: countOf(true), away: countOf(false), inLine: countOf(undefined) })
}

async function tick(line: BeatLine, times = 1): Promise<void> {
  for (let time = 0; time < times; time++) line.tick()
  await Promise.resolve()
}

test('a few beats are let in at once, a few more wait for it, and all others are held back and turned away', async () => {
  const line = openLine()
  const beats = joinMany(line, 100)

  expect(beats()).toEqual({ in: 3, away: 0, inLine: 97 })
  expect(line.heldCount).toBe(100 - 3 - 5)
  await tick(line)
  expect(beats()).toEqual({ in: 6, away: 1, inLine: 93 })
  await tick(line)
  expect(beats()).toEqual({ in: 8, away: 2, inLine: 90 })
  await tick(line, 90)
  expect(beats()).toEqual({ in: 8, away: 92, inLine: 0 })
})

test('however many come again and again, no more than agreed are let in and told between two ticks', async () => {
  const line = openLine()
  let letIn = 0
  let told = 0
  const beat = async (): Promise<void> => {
    const isIn = await line.join()
    told++
    if (isIn) letIn++
    if (told < 3_000) await beat()
  }
  const settle = async () => {
    for (let turn = 0; turn < 50; turn++) await Promise.resolve()
  }
  const callers = Array.from({ length: 200 }, beat)
  await settle()
  expect(told).toBe(LIMITS.inPerTick)
  for (let time = 0; time < 100; time++) {
    const before = { letIn, told }
    line.tick()
    await settle()
    expect(letIn - before.letIn).toBeLessThanOrEqual(LIMITS.inPerTick)
    expect(told - before.told).toBeLessThanOrEqual(LIMITS.inPerTick + 1)
  }
  line.end()
  await Promise.all(callers)
})

test('where many are held back more are told at a tick, so that nobody is held for minutes', async () => {
  const line = openLine({ inPerTick: 1, waitingMax: 0 })
  const beats = joinMany(line, 10_001)

  await tick(line)
  expect(beats().away).toBe(8)
  await tick(line, 20_000)
  expect(beats()).toEqual({ in: 1, away: 10_000, inLine: 0 })
})

test('while too many beats are worked on, none is let in', async () => {
  const line = openLine({ underWayMax: 2 })
  const beats = joinMany(line, 4)
  expect(beats()).toEqual({ in: 2, away: 0, inLine: 2 })
  line.enter()
  line.enter()

  await tick(line, 10)
  expect(beats()).toEqual({ in: 2, away: 0, inLine: 2 })
  line.leave()
  await tick(line)
  expect(beats()).toEqual({ in: 3, away: 0, inLine: 1 })
})

test('a quiet line has no timer, and one that ends keeps nobody', async () => {
  const line = openLine({ tickMs: 1 })
  expect(line.join()).toBe(true)
  await expect.poll(() => line.isQuiet, { timeout: 10_000 }).toBe(true)

  const other = openLine()
  const beats = joinMany(other, 100)
  other.end()
  await Promise.resolve()
  expect(beats()).toEqual({ in: 8, away: 92, inLine: 0 })
  expect(other.join()).toBe(true)
  expect(other.isQuiet).toBe(true)
})
