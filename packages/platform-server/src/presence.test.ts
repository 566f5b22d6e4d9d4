import { fc, test as property } from '@fast-check/vitest'
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

  expect(presence.takeChanged()).toEqual([['alpha', expect.objectContaining(sign(3_000)), 'beat']])
  expect(presence.takeChanged()).toEqual([])
  presence.putBack([
    ['alpha', sign(3_000), 'beat'],
    ['unknown', sign(3_000), 'beat'],
  ])
  expect(presence.takeChanged()).toEqual([['alpha', expect.objectContaining(sign(3_000)), 'beat']])
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

const step = fc.oneof(
  fc.record({
    does: fc.constant('beat' as const),
    agent: fc.integer({ min: 0, max: 2 }),
    ms: fc.integer({ min: 0, max: 20_000 }),
  }),
  fc.record({ does: fc.constant('leave' as const), agent: fc.integer({ min: 0, max: 2 }) }),
  fc.record({ does: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 9_000 }) }),
  fc.record({ does: fc.constant('turn away' as const), ms: fc.integer({ min: 0, max: 5_000 }) }),
)

property.prop([fc.array(step, { maxLength: 60, size: 'max' })])(
  'who is there is whose deadline has not passed, whatever happened before',
  (steps) => {
    const presence = new Presence()
    const deadlines = new Map<string, number>()
    let nowMs = 0
    for (const each of steps) {
      const agentId = 'agent' in each ? `agent-${each.agent}` : ''
      if (each.does === 'beat') {
        presence.set(agentId, sign(nowMs + each.ms))
        deadlines.set(agentId, nowMs + each.ms)
      }
      if (each.does === 'leave') {
        presence.delete(agentId)
        deadlines.delete(agentId)
      }
      if (each.does === 'turn away') presence.noteShed(nowMs, each.ms)
      if (each.does !== 'pass') continue
      presence.takeChanged()
      nowMs += 1_000 + each.ms
      presence.online(nowMs)
      for (const [id, aliveUntilMs] of deadlines) if (aliveUntilMs < presence.judgedAtMs(nowMs)) deadlines.delete(id)

      expect(presence.online(nowMs)).toBe(deadlines.size)
      for (const [id, aliveUntilMs] of deadlines) expect(presence.get(id)?.aliveUntilMs).toBe(aliveUntilMs)
    }
  },
)

test('whoever is gone is told once, with its last beat', () => {
  const presence = new Presence()
  presence.set('alpha', sign(9_000))
  presence.set('alpha', { ...sign(2_000), lastBeatAtMs: 7 })
  presence.set('alpha', { ...sign(4_000), lastBeatAtMs: 8 })
  presence.takeChanged()

  for (let nowMs = 0; nowMs <= 20_000; nowMs += 1_000) presence.online(nowMs)

  expect(presence.takeDeparted()).toEqual([['alpha', 8]])
})
