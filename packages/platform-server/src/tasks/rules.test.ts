import type { AssignmentState } from '@agent-marketplace/protocol'
import { fc, it } from '@fast-check/vitest'
import { describe, expect, test } from 'vitest'
import {
  type AssignmentRecord,
  checkAccept,
  checkCancel,
  checkEpoch,
  checkLease,
  checkShape,
  isLapsed,
  isOpen,
  isOverdue,
  refuseSelfDealing,
  requireState,
} from './rules.ts'

const STATES = ['offered', 'assigned', 'working', 'submitted', 'passed', 'failed', 'declined', 'expired', 'cancelled'] as const
const state = fc.constantFrom<AssignmentState>(...STATES)
const code = (code: string) => expect.objectContaining({ name: 'Refusal', code })

const record = (more: Partial<AssignmentRecord>): AssignmentRecord => ({
  assignmentId: 'asg_1',
  taskId: 'task_1',
  sessionId: 'ses_1',
  kind: 'execute',
  state: 'assigned',
  buyerId: 'buyer',
  assigneeId: 'executor',
  targetAssignmentId: undefined,
  capability: undefined,
  minReputationBps: undefined,
  priceMicro: 1n,
  funded: true,
  feeBps: 0,
  reviewRule: 'unanimous',
  buyerMayReview: false,
  attempt: 1,
  maxAttempts: 1,
  leaseEpoch: 0,
  leaseMs: 100,
  leaseExpiresAtMs: undefined,
  acceptByMs: 1_000,
  reviewWithinMs: 100,
  reviewByMs: undefined,
  hasSpoken: false,
  ...more,
})

describe('states', () => {
  test('four states are open, five have ended', () => {
    expect(STATES.filter((each) => isOpen({ state: each }))).toEqual(['offered', 'assigned', 'working', 'submitted'])
  })

  it.prop([state, fc.array(state)])('a state that is not asked for is refused by its name', (each, asked) => {
    const require = () => requireState({ state: each }, ...asked)

    if (asked.includes(each)) expect(require).not.toThrow()
    else expect(require).toThrow(expect.objectContaining({ code: 'wrong_state', message: `the assignment is ${each}` }))
  })
})

describe('accepting', () => {
  it.prop([state, fc.nat({ max: 2_000 }), fc.bigInt(0n, 2n), fc.boolean()])(
    'only what is assigned, in time and funded',
    (each, nowMs, priceMicro, funded) => {
      const check = () => checkAccept(record({ state: each, priceMicro, funded }), nowMs)

      if (each !== 'assigned' || nowMs > 1_000) expect(check).toThrow(code('wrong_state'))
      else if (priceMicro > 0n && !funded) expect(check).toThrow(code('assignment_not_funded'))
      else expect(check).not.toThrow()
    },
  )
})

describe('leases', () => {
  it.prop([fc.nat(), fc.nat()])('a lease lapses after its last millisecond', (leaseExpiresAtMs, nowMs) => {
    expect(isLapsed(record({ leaseExpiresAtMs }), nowMs)).toBe(nowMs > leaseExpiresAtMs)
  })

  it.prop([fc.nat()])('a review has no lease that could lapse', (nowMs) => {
    expect(isLapsed(record({ kind: 'review', state: 'working' }), nowMs)).toBe(false)
  })

  it.prop([state, fc.nat({ max: 3 }), fc.nat({ max: 3 })])(
    'only the current epoch acts, and only while it works',
    (each, current, given) => {
      const check = () => checkEpoch(record({ state: each, leaseEpoch: current }), given)

      if (each !== 'working') expect(check).toThrow(code('wrong_state'))
      else if (current !== given) expect(check).toThrow(code('stale_lease'))
      else expect(check).not.toThrow()
    },
  )

  test('the current epoch of a lapsed lease does not act', () => {
    const lapsed = record({ state: 'working', leaseEpoch: 2, leaseExpiresAtMs: 10 })

    expect(() => checkLease(lapsed, 2, 10)).not.toThrow()
    expect(() => checkLease(lapsed, 2, 11)).toThrow(code('stale_lease'))
    expect(() => checkLease(lapsed, 1, 10)).toThrow(code('stale_lease'))
  })
})

describe('clocks', () => {
  const anyRecord = fc.record({
    state,
    leaseExpiresAtMs: fc.option(fc.nat({ max: 20 }), { nil: undefined }),
    acceptByMs: fc.nat({ max: 20 }),
  })

  it.prop([anyRecord, fc.nat({ max: 30 })])(
    'overdue is what was not accepted in time, and work under a lapsed lease',
    (given, nowMs) => {
      const each = record(given)
      const unaccepted = (each.state === 'offered' || each.state === 'assigned') && nowMs > each.acceptByMs

      expect(isOverdue(each, nowMs)).toBe(unaccepted || (each.state === 'working' && isLapsed(each, nowMs)))
    },
  )

  it.prop([anyRecord, fc.nat({ max: 30 })])(
    'what is overdue may be taken back by its buyer, whether or not the sweep was faster',
    (given, nowMs) => {
      fc.pre(isOverdue(record(given), nowMs))

      expect(() => checkCancel(record(given), nowMs)).not.toThrow()
    },
  )

  it.prop([anyRecord, fc.nat({ max: 30 })])('nothing is taken back under a live lease, submitted or over', (given, nowMs) => {
    const each = record(given)
    const isFree = each.state === 'offered' || each.state === 'assigned' || (each.state === 'working' && isLapsed(each, nowMs))

    if (isFree) expect(() => checkCancel(each, nowMs)).not.toThrow()
    else expect(() => checkCancel(each, nowMs)).toThrow(code('wrong_state'))
  })
})

describe('who may take which part', () => {
  const agent = fc.constantFrom('ann', 'ben', 'cem')
  const part = fc.record({
    kind: fc.constantFrom('execute' as const, 'review' as const),
    assigneeId: agent,
    buyerId: agent,
    buyerMayReview: fc.boolean(),
    executorId: fc.option(agent, { nil: undefined }),
  })

  it.prop([part])(
    'nobody judges its own work, nobody pays itself for work, the buyer judges only where that was said',
    (given) => {
      const { kind, assigneeId, buyerId, buyerMayReview, executorId } = given
      const isOwnWork = kind === 'execute' ? assigneeId === buyerId : assigneeId === executorId
      const isUnsaid = kind === 'review' && assigneeId === buyerId && !buyerMayReview

      if (isOwnWork || isUnsaid) expect(() => refuseSelfDealing(given)).toThrow(code('self_dealing'))
      else expect(() => refuseSelfDealing(given)).not.toThrow()
    },
  )
})

describe('what goes together in an assignment', () => {
  const input = (more: object) => ({ kind: 'execute', assigneeAgentId: 'executor', ...more }) as Parameters<typeof checkShape>[0]

  test.for([
    ['work', {}],
    ['a review with its target', { kind: 'review', targetAssignmentId: 'asg_1' }],
    ['an offer', { assigneeAgentId: undefined, capability: 'text.extract' }],
    ['an offer that asks for a reputation', { assigneeAgentId: undefined, capability: 'text.extract', minReputation: 1 }],
  ] as const)('%s', ([, more]) => {
    expect(() => checkShape(input(more))).not.toThrow()
  })

  test.for([
    ['work with a target', { targetAssignmentId: 'asg_1' }],
    ['a review without a target', { kind: 'review' }],
    ['an offer without a capability', { assigneeAgentId: undefined }],
    ['an assignee who must have a reputation', { minReputation: 0 }],
  ] as const)('refused: %s', ([, more]) => {
    expect(() => checkShape(input(more))).toThrow(code('invalid_input'))
  })
})
