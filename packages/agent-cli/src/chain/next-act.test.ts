import { formatAmount } from '@agent-marketplace/protocol'
import { fc, test as property } from '@fast-check/vitest'
import { describe, expect, test } from 'vitest'
import { makeAssignment } from '../test-agent.ts'
import { ChainDocument, type ChainStep, type Hired, type PlannedStep, type Try, TryEnd } from './chain-document.ts'
import { choosePanel } from './choose-panel.ts'
import { committed, costOfTry, isWithinBudget, leastCost, microOf, spent } from './money.ts'
import { letDownBy, nextAct, readySteps, reopen, stepsToSkip } from './next-act.ts'
import { observeTry } from './observe-try.ts'

const asg = (letter: string) => `asg_${letter.repeat(26)}`

function planned(change: Partial<PlannedStep> = {}): PlannedStep {
  return {
    id: 'a',
    needs: [],
    capability: 'x',
    price: '10',
    instructions: 'do it',
    input: [],
    validators: {},
    attempts: 1,
    replacements: 3,
    acceptMs: 1_000,
    leaseMs: 1_000,
    ...change,
  }
}

function stepOf(plan: PlannedStep, change: Partial<ChainStep> = {}): ChainStep {
  return { plan, state: 'waiting', tries: [], triesMax: plan.replacements + 1, ...change }
}

function chainOf(steps: ChainStep[], budget?: string): ChainDocument {
  return {
    version: 1,
    chainId: `chn_${'0'.repeat(20)}`,
    agentId: 'buyer',
    server: 'http://127.0.0.1:1',
    file: '/chain.yaml',
    out: '/out',
    createdAtMs: 1,
    ...(budget !== undefined && { budget }),
    state: 'running',
    steps,
  }
}

const hired = (agentId: string, change: Partial<Hired> = {}): Hired => ({ agentId, key: `key-${agentId}`, atMs: 1, ...change })

describe('the acts of a step', () => {
  const plan = planned({ review: { capability: 'r', count: 1, rule: 'unanimous', withinMs: 1_000 } })
  const task = { taskKey: 'k', taskId: `task_${'0'.repeat(26)}`, reviewers: [] }
  const executor = hired('bob', { assignmentId: asg('0') })
  const told = { ...executor, isTold: true }
  const reviewer = hired('rita', { assignmentId: asg('1') })
  test.each<[string, Try[]]>([
    ['begin', []],
    ['create-task', [{ taskKey: 'k', reviewers: [] }]],
    ['choose', [task]],
    ['hire', [{ ...task, executor: hired('bob') }]],
    ['hire-reviewer', [{ ...task, executor, reviewers: [hired('rita')] }]],
    ['tell', [{ ...task, executor, reviewers: [reviewer] }]],
    ['hire-reviewer', [{ ...task, executor: told, reviewers: [{ ...reviewer, isOut: true }, hired('ruth')] }]],
    ['tell', [{ ...task, executor: told, reviewers: [{ ...reviewer, isOut: true }, hired('ruth', { assignmentId: asg('2') })] }]],
    ['watch', [{ ...task, executor: told, reviewers: [{ ...reviewer, isTold: true }] }]],
    ['watch', [{ ...task, executor: { ...executor, isOut: true }, reviewers: [hired('rita')] }]],
    ['close', [{ ...task, executor: told, end: 'passed', cost: '11' }]],
    ['fetch', [{ ...task, executor: told, end: 'passed', cost: '11', isClosed: true }]],
    ['close', [{ ...task, executor: told, end: 'failed', cost: '1' }]],
    ['begin', [{ ...task, executor: told, end: 'failed', cost: '1', isClosed: true }]],
    ['give-up', Array.from({ length: 4 }, () => ({ ...task, executor: told, end: 'expired' as const, isClosed: true }))],
  ])('%s comes next', (act, tries) => {
    expect(nextAct(stepOf(plan, { tries }))).toBe(act)
  })

  test('a result that is here ends the step', () => {
    const tries: Try[] = [{ ...task, executor: told, end: 'passed', isClosed: true }]
    expect(nextAct(stepOf(plan, { tries, output: ['/out/a'] }))).toBe('finish')
  })
})

const agents = ['ann', 'bob', 'cyd', 'dan', 'eve', 'fay']
const someAgents = fc.uniqueArray(fc.constantFrom(...agents))

property.prop([someAgents, someAgents, fc.nat({ max: 4 }), someAgents])(
  'a panel has nobody twice, nobody unwanted, as many as wanted, and is found if there is one',
  (executors, reviewers, count, unwanted) => {
    const without = new Set(unwanted)
    const panel = choosePanel({ executors, reviewers, count, without })
    const left = reviewers.filter((id) => !without.has(id))
    const isPossible = executors.some((id) => !without.has(id) && left.filter((other) => other !== id).length >= count)
    expect(panel !== undefined).toBe(isPossible)
    if (!panel) return
    const all = [panel.executor, ...panel.reviewers]
    expect(new Set(all).size).toBe(count + 1)
    expect(all.some((id) => without.has(id))).toBe(false)
    expect(executors).toContain(panel.executor)
  },
)

/** A step lived through: each try ends as drawn, reviewers drop out as drawn, and the chain chooses by its own rules. */
const ends = fc.array(
  fc.record({ end: fc.constantFrom(...TryEnd.options), out: fc.nat({ max: 2 }), price: fc.nat({ max: 3 }) }),
  {
    minLength: 6,
    maxLength: 6,
  },
)

property.prop([ends, fc.nat({ max: 5 }), fc.option(fc.integer({ min: 1, max: 80 }))])(
  'a step asks nobody again who let it down, ends after so many tries, and stays within the budget',
  (fates, replacements, budget) => {
    const plan = planned({ replacements, review: { capability: 'r', count: 2, price: '1', rule: 'unanimous', withinMs: 1 } })
    let step = stepOf(plan, { state: 'running' })
    const asked: string[] = []
    for (const { end, out } of fates) {
      if (nextAct(step) !== 'begin') break
      const chain = chainOf([step], budget === null ? undefined : `${budget}`)
      const panel = choosePanel({ executors: agents, reviewers: agents, count: 2, without: letDownBy(step) })
      if (!panel || !isWithinBudget(chain, plan)) break
      expect(asked).not.toContain(panel.executor)
      asked.push(panel.executor)
      const cost = end === 'passed' ? '12' : `${2 - out}`
      const reviewers = panel.reviewers.map((id, at) => hired(id, at < out ? { isOut: true } : {}))
      asked.push(...reviewers.filter(({ isOut }) => isOut).map(({ agentId }) => agentId))
      const running: Try = { taskKey: 'k', executor: hired(panel.executor), reviewers }
      const during = committed(chainOf([{ ...step, tries: [...step.tries, running] }]))
      if (budget !== null) expect(during <= microOf(`${budget}`)).toBe(true)
      step = { ...step, tries: [...step.tries, { ...running, end, cost, isClosed: true }] }
      if (end === 'passed') break
    }
    expect(step.tries.length).toBeLessThanOrEqual(replacements + 1)
    expect(spent(chainOf([step]))).toBe(formatAmount(committed(chainOf([step]))))
  },
)

/** A graph of steps that need earlier ones, and whether each will pass. */
const graph = fc.array(fc.record({ needs: fc.array(fc.nat({ max: 9 }), { maxLength: 3 }), passes: fc.boolean() }), {
  minLength: 1,
  maxLength: 10,
})

property.prop([graph, fc.infiniteStream(fc.nat())])(
  'a chain comes to an end, and no step runs before those it needs have passed',
  (nodes, luck) => {
    let chain = chainOf(
      nodes.map(({ needs }, index) =>
        stepOf(planned({ id: `s${index}`, needs: needs.filter((need) => need < index).map((need) => `s${need}`) })),
      ),
    )
    const set = (id: string, state: ChainStep['state']) => {
      chain = { ...chain, steps: chain.steps.map((step) => (step.plan.id === id ? { ...step, state } : step)) }
    }
    const stateOf = (id: string) => chain.steps.find(({ plan }) => plan.id === id)?.state
    for (let turn = 0; turn < 100; turn++) {
      for (const { step } of stepsToSkip(chain)) set(step.plan.id, 'skipped')
      const ready = readySteps(chain)
      const next = ready[(luck.next().value ?? 0) % Math.max(1, ready.length)]
      if (!next) {
        if (stepsToSkip(chain).length === 0) break
        continue
      }
      expect(next.plan.needs.every((need) => stateOf(need) === 'passed')).toBe(true)
      set(next.plan.id, nodes[Number(next.plan.id.slice(1))]?.passes ? 'passed' : 'failed')
    }
    for (const [index, { plan, state }] of chain.steps.entries()) {
      const isReached = plan.needs.every((need) => stateOf(need) === 'passed')
      expect(state).toBe(isReached ? (nodes[index]?.passes ? 'passed' : 'failed') : 'skipped')
    }
    // Taken up again, all that did not pass is tried again, and nothing that passed.
    const again = reopen({ ...chain, state: 'failed' })
    expect(again.steps.map(({ state }) => state)).toEqual(
      chain.steps.map(({ state }) => (state === 'passed' ? 'passed' : 'waiting')),
    )
    expect(again.steps.every((step) => step.state === 'passed' || nextAct(step) !== 'give-up')).toBe(true)
    expect(ChainDocument.parse(JSON.parse(JSON.stringify(again)))).toEqual(again)
  },
)

describe('what has become of a try', () => {
  const current: Try = {
    taskKey: 'k',
    executor: hired('worker', { assignmentId: asg('0') }),
    reviewers: [hired('rita', { assignmentId: asg('1') }), hired('ruth', { assignmentId: asg('2') })],
  }
  const review = (letter: string, state: 'passed' | 'working' | 'failed' | 'expired') =>
    makeAssignment({ assignmentId: asg(letter), kind: 'review', price: '1.5', state })

  test('its cost is what was paid: the work if it passed, and reviewers who spoke', () => {
    const reviews = [review('1', 'passed'), review('2', 'expired')]
    expect(observeTry(current, makeAssignment({ state: 'passed', price: '5' }), reviews).end).toEqual({
      end: 'passed',
      cost: '6.5',
    })
    expect(observeTry(current, makeAssignment({ state: 'failed', price: '5' }), reviews).end).toEqual({
      end: 'failed',
      cost: '1.5',
    })
  })

  test('a reviewer whose review ended while the work goes on is out; one that was replaced before is not told of again', () => {
    const reviews = [review('1', 'failed'), review('2', 'working')]
    expect(observeTry(current, makeAssignment(), reviews)).toEqual({ out: ['rita'] })
    const replaced = { ...current, reviewers: current.reviewers.map((each) => ({ ...each, isOut: true })) }
    expect(observeTry(replaced, makeAssignment(), reviews)).toEqual({ out: [] })
  })
})

test('the least a chain costs is every price once, and every reviewer', () => {
  const steps = [
    planned(),
    planned({ price: '0.000001', review: { agents: ['rita'], count: 3, price: '2', rule: 'majority', withinMs: 1 } }),
  ]
  expect(formatAmount(leastCost(steps))).toBe('16.000001')
  expect(costOfTry({ price: undefined })).toBe(0n)
})
