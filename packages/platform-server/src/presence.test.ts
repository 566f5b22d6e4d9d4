import { expect, test } from 'vitest'
import { Presence } from './presence.ts'

const sign = (aliveUntilMs: number) => ({ lastBeatAtMs: 0, intervalMs: 5_000, busy: false, aliveUntilMs })

test('the count of agents online is at most a second old and leaves out who is gone', () => {
  const presence = new Presence()
  presence.set('alpha', sign(2_000))
  presence.set('beta', sign(9_000))
  presence.takeChanged()

  expect(presence.online(0)).toBe(2)
  expect(presence.online(2_000)).toBe(2)
  expect(presence.online(2_999)).toBe(2)
  expect(presence.online(3_000)).toBe(1)
  expect(presence.get('alpha')).toBeUndefined()
})

test('who is gone is kept until the beat is written', () => {
  const presence = new Presence()
  presence.set('alpha', sign(2_000))

  presence.online(5_000)
  expect(presence.takeChanged().map(([agentId]) => agentId)).toEqual(['alpha'])
  presence.online(6_000)
  expect(presence.get('alpha')).toBeUndefined()
})

test('what changed is taken once, and again if it is given back', () => {
  const presence = new Presence()
  presence.set('alpha', sign(2_000))
  presence.set('alpha', sign(3_000))

  expect(presence.takeChanged()).toEqual([['alpha', sign(3_000)]])
  expect(presence.takeChanged()).toEqual([])
  presence.putBack(['alpha', 'unknown'])
  expect(presence.takeChanged()).toEqual([['alpha', sign(3_000)]])
})

test('while beats are turned away, time stands still for deadlines, and for the grace after the last one', () => {
  const presence = new Presence()
  presence.set('alpha', sign(1_000))

  presence.noteShed(900, 500)
  presence.noteShed(1_300, 500)
  expect(presence.judgedAtMs(1_800)).toBe(900)
  expect(presence.isAlive('alpha', 1_800)).toBe(true)
  expect(presence.judgedAtMs(1_801)).toBe(1_801)
  expect(presence.isAlive('alpha', 1_801)).toBe(false)

  presence.noteShed(5_000, 500)
  expect(presence.judgedAtMs(5_200)).toBe(5_000)
})

test('a shorter grace does not shorten a longer one', () => {
  const presence = new Presence()
  presence.noteShed(0, 1_000)
  presence.noteShed(10, 100)

  expect(presence.judgedAtMs(1_000)).toBe(0)
})
