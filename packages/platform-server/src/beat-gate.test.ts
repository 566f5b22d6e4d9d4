import { expect, test } from 'vitest'
import { BEATS_PER_SECOND_MAX, BEATS_UNDER_WAY_MAX, BeatGate } from './beat-gate.ts'

const enterMany = (gate: BeatGate, { nowMs, count }: { nowMs: number; count: number }) =>
  Array.from({ length: count }, () => gate.enter(nowMs)).filter(Boolean).length

test('beats beyond what waits already are turned away until some leave', () => {
  const gate = new BeatGate()

  expect(enterMany(gate, { nowMs: 0, count: 10_000 })).toBe(BEATS_UNDER_WAY_MAX)
  gate.leave()
  gate.leave()
  expect(enterMany(gate, { nowMs: 0, count: 10 })).toBe(2)
})

test('beats beyond so many a second are turned away until the next second', () => {
  const gate = new BeatGate()
  const beatAt = (nowMs: number) => {
    const isIn = gate.enter(nowMs)
    if (isIn) gate.leave()
    return isIn
  }
  const countAt = (nowMs: number) => Array.from({ length: 3 * BEATS_PER_SECOND_MAX }, () => beatAt(nowMs)).filter(Boolean).length

  expect(countAt(1_000)).toBe(BEATS_PER_SECOND_MAX)
  expect(countAt(1_999)).toBe(0)
  expect(countAt(2_000)).toBe(BEATS_PER_SECOND_MAX)
})
