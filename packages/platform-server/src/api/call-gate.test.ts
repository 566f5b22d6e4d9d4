import { expect, test } from 'vitest'
import { Refusal } from '../errors.ts'
import { CallGate } from './call-gate.ts'

const CALLS = [
  ['discovery.discover', 'query'],
  ['discovery.listAgents', 'query'],
  ['settlement.balance', 'query'],
  ['tasks.getAssignment', 'query'],
  ['review.submitVerdict', 'mutation'],
  ['settlement.deposit', 'mutation'],
  ['heartbeat.beat', 'mutation'],
  ['events.wait', 'query'],
] as const

/** @returns who is let in while so many calls are under way. */
function letIn(underWay: number): string[] {
  const gate = new CallGate()
  for (let count = 0; count < underWay; count++) gate.enter('tasks.assign', 'mutation')
  return CALLS.filter(([name, kind]) => {
    try {
      gate.enter(name, kind)()
      return true
    } catch (error) {
      expect(error).toMatchObject({ code: 'overloaded', retryAfterMs: 1_000 } satisfies Partial<Refusal>)
      return false
    }
  }).map(([name]) => name)
}

const MONEY = ['review.submitVerdict', 'settlement.deposit', 'heartbeat.beat', 'events.wait']

test('of many calls at once discovery is turned away first, then what is read, and never a verdict or money', () => {
  expect(letIn(0)).toHaveLength(CALLS.length)
  expect(letIn(255)).toHaveLength(CALLS.length)
  expect(letIn(256)).toEqual(['settlement.balance', 'tasks.getAssignment', ...MONEY])
  expect(letIn(1_023)).toEqual(['settlement.balance', 'tasks.getAssignment', ...MONEY])
  expect(letIn(1_024)).toEqual(MONEY)
  expect(letIn(100_000)).toEqual(MONEY)
})

test('who has left makes room, and who waits takes none', () => {
  const gate = new CallGate()
  for (let count = 0; count < 10_000; count++) gate.enter('events.wait', 'query')
  const leave = Array.from({ length: 256 }, () => gate.enter('settlement.balance', 'query'))

  expect(() => gate.enter('discovery.discover', 'query')).toThrow(Refusal)
  leave.at(-1)?.()
  gate.enter('discovery.discover', 'query')
})
