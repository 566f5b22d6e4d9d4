import { fc, test } from '@fast-check/vitest'
import { expect } from 'vitest'
import type { Agent } from '../agent/agent.ts'
import { createCapacity } from './capacity.ts'

/** A platform that says what this agent declared. */
function agentOffering(capabilities: { name: string; maxConcurrency: number }[]): Agent {
  return { agentId: 'worker', platform: { query: async () => ({ capabilities }) } } as unknown as Agent
}

const steps = fc.array(fc.record({ job: fc.nat(9), takes: fc.boolean() }), { maxLength: 60 })

test.prop([fc.integer({ min: 1, max: 5 }), steps])(
  'never more jobs at once than declared, and room given is room again',
  async (limit, history) => {
    const capacity = createCapacity(agentOffering([{ name: 'a', maxConcurrency: limit }]), undefined)
    await capacity.refresh()
    const taken = new Set<string>()
    for (const { job, takes } of history) {
      const assignmentId = `job-${job}`
      if (!takes) {
        capacity.give(assignmentId)
        taken.delete(assignmentId)
        continue
      }
      const expected = taken.has(assignmentId) || taken.size < limit
      expect(capacity.take({ assignmentId, capability: 'a' })).toBe(expected)
      if (expected) taken.add(assignmentId)
    }
  },
)

test('capabilities have their room apart; what is not declared is done one at a time', async () => {
  const capacity = createCapacity(agentOffering([{ name: 'a', maxConcurrency: 2 }]), undefined)
  await capacity.refresh()
  expect(capacity.take({ assignmentId: '1', capability: 'a' })).toBe(true)
  expect(capacity.take({ assignmentId: '2', capability: undefined })).toBe(true)
  expect(capacity.take({ assignmentId: '3', capability: undefined })).toBe(false)
  expect(capacity.take({ assignmentId: '4', capability: 'gone' })).toBe(true)
  capacity.hold({ assignmentId: '5', capability: 'a' })
  expect(capacity.take({ assignmentId: '6', capability: 'a' })).toBe(false)
})

test('only what is named is served; without names everything', () => {
  const some = createCapacity(agentOffering([]), ['a'])
  expect([some.serves({ assignmentId: '1', capability: 'a' }), some.serves({ assignmentId: '1', capability: 'b' })]).toEqual([
    true,
    false,
  ])
  expect(some.serves({ assignmentId: '1', capability: undefined })).toBe(false)
  expect(createCapacity(agentOffering([]), undefined).serves({ assignmentId: '1', capability: undefined })).toBe(true)
})

test('a capability that is served and not offered is told once', async () => {
  const told: string[] = []
  const only = ['a', 'text.exrtact']
  const capacity = createCapacity(agentOffering([{ name: 'a', maxConcurrency: 1 }]), only, (name) => told.push(name))
  await capacity.refresh()
  await capacity.refresh()
  expect(told).toEqual(['text.exrtact'])
})
