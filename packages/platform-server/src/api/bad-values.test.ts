import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type ProcedureName, procedures } from '@agent-marketplace/protocol'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { digestState } from '../../test/digest-state.ts'
import { isMutation, makeWork, openScene, type Scene, type Work } from '../../test/scene.ts'
import { appRouter } from './app-router.ts'
import { type ControlServer, createControlServer } from './http.ts'

const ANSWER_BYTES_MAX = 4096
const HUGE = 'x'.repeat(5_000)

let scene: Scene
let work: Work
let control: ControlServer
let origin: string

beforeAll(async () => {
  scene = await openScene()
  work = await makeWork(scene, 'assigned')
  control = createControlServer({ router: appRouter, deps: scene.platform.deps, rateLimits: 'off' })
  control.server.listen(0, '127.0.0.1')
  await once(control.server, 'listening')
  origin = `http://127.0.0.1:${(control.server.address() as AddressInfo).port}`
})

afterAll(async () => {
  control.server.close()
  control.server.closeAllConnections()
  await scene[Symbol.asyncDispose]()
})

interface Answer {
  readonly status: number
  /** The body, without the id of the request: its random letters may be those of a value that was sent. */
  readonly text: string
  readonly code: string | undefined
}

let calls = 0

async function call(procedure: ProcedureName, body: string): Promise<Answer> {
  const headers = {
    authorization: `Bearer ${scene.actors[procedure.startsWith('operators.') ? 'operator' : 'buyer'].token}`,
    'idempotency-key': `bad-${++calls}`,
  }
  const answer = isMutation(procedure)
    ? await fetch(`${origin}/trpc/${procedure}`, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body,
      })
    : await fetch(`${origin}/trpc/${procedure}?input=${encodeURIComponent(body)}`, { headers })
  const said = await answer.text()
  const { code, requestId } = JSON.parse(said).error?.data ?? {}
  return { status: answer.status, text: requestId ? said.replaceAll(requestId, '') : said, code }
}

/** Refused with one of these codes; short, without an echo of the value or a word of how it is built, and nothing changed. */
async function expectRefused(procedure: ProcedureName, input: unknown, codes: readonly string[], value?: unknown): Promise<void> {
  const before = await digestState(scene.platform)
  const answer = await call(procedure, JSON.stringify(input))
  expect(codes).toContain(answer.code)
  expect(answer.text.length).toBeLessThanOrEqual(ANSWER_BYTES_MAX)
  expect(answer.text).not.toMatch(/sqlite|SELECT|INSERT|node_modules|\.ts:|at async/)
  if (typeof value === 'string' && value.trim().length >= 3) expect(answer.text).not.toContain(value)
  expect(await digestState(scene.platform)).toBe(before)
}

const wellFormed = '01jz0000000000000000000000'
const badIds: [string, unknown][] = [
  ['empty', ''],
  ['a space', ' '],
  ['too short', 'a'],
  ['huge', HUGE],
  ['a path', '../x'],
  ['with a slash', 'a/b'],
  ['percent-encoded', '%2f'],
  ['upper case', `ASG_${wellFormed}`],
  ['Cyrillic', 'аsg_01jz0000000000000000000000'],
  ['full width', 'ａｓｇ_01jz0000000000000000000000'],
  ['with a NUL', `asg_${wellFormed}\u0000`],
  ['with a bidi override', `\u202easg_${wellFormed}`],
  ['with a new line', `asg_${wellFormed}\n`],
  ['__proto__', '__proto__'],
  ['a number', 7],
  ['an array', [`asg_${wellFormed}`]],
  ['an object', { id: `asg_${wellFormed}` }],
  ['null', null],
  ['missing', undefined],
  ['of the wrong kind', `hold_${wellFormed}`],
]

describe('an id that is', () => {
  test.each(badIds)('%s is refused in every place an assignment is named', async (_, id) => {
    for (const procedure of [
      'tasks.getAssignment',
      'tasks.acceptAssignment',
      'tasks.cancelAssignment',
      'review.settle',
    ] as const) {
      await expectRefused(procedure, { assignmentId: id }, ['invalid_input'], id)
    }
  })

  test.each(badIds)('%s is refused where an agent is named', async (_, id) => {
    await expectRefused('discovery.getAgent', { agentId: id }, ['invalid_input', 'not_found'], id)
    await expectRefused(
      'tasks.assign',
      { taskId: work.taskId, kind: 'execute', capability: 'not/offered', assigneeAgentId: id ?? null },
      ['invalid_input', 'not_found'],
      id,
    )
  })

  test('well-formed and unknown looks the same as one that belongs to somebody else', async () => {
    const { assignment } = await scene.actors.buyer.api.tasks.getAssignment({ assignmentId: work.work.assignmentId })
    const ask = (assignmentId: string) =>
      scene.call('stranger', 'tasks.getAssignment', { assignmentId }).catch((error) => error.message)
    expect(await ask(assignment.assignmentId)).toBe(await ask(`asg_${wellFormed}`))
  })
})

const badAmounts: [string, unknown][] = [
  ...['0', '-1', '+1', '01', '1.0', '1e3', '0x10', ' 1', '1\n', '１', '1_000', '', 'NaN', '1.0000001'].map(
    (each): [string, unknown] => [JSON.stringify(each), each],
  ),
  ...['9007199254740993', '9223372036854775808', '1000000000.000001', '9'.repeat(400)].map((each): [string, unknown] => [
    `${each.slice(0, 20)}…`,
    each,
  ]),
  ['a number', 100],
  ['1e400', Number.POSITIVE_INFINITY],
  ['a boolean', true],
  ['null', null],
  ['an array', ['1']],
]

describe('an amount that is', () => {
  test.each(badAmounts)('%s is refused wherever money is named', async (_, amount) => {
    await expectRefused('settlement.deposit', { amount }, ['invalid_input'], amount)
    await expectRefused('tasks.hold', { assignmentId: work.work.assignmentId, amount }, ['invalid_input'], amount)
    await expectRefused('discovery.discover', { capability: 'text.extract', maxPrice: amount }, ['invalid_input'], amount)
    await expectRefused(
      'tasks.assign',
      { taskId: work.taskId, kind: 'execute', assigneeAgentId: 'executor', price: amount },
      ['invalid_input'],
      amount,
    )
  })

  test('more than is there is refused, and two that only together are too much leave the first', async () => {
    const assign = { taskId: work.taskId, kind: 'execute', assigneeAgentId: 'executor' }
    await expectRefused('tasks.assign', { ...assign, price: '999999999' }, ['insufficient_funds'])
    const { available } = await scene.actors.buyer.api.settlement.balance({})
    await scene.actors.buyer.api.tasks.assign({ ...assign, kind: 'execute', price: available })
    await expectRefused('tasks.assign', { ...assign, price: '0.000001' }, ['insufficient_funds'])
  })
})

const everyProcedure = Object.keys(procedures) as ProcedureName[]
const forbiddenFields = ['prompt', 'uri', 'sha256', 'filename', 'metadata', 'role', 'trustTier', 'balance']

test.each(everyProcedure)('%s refuses fields it does not know', async (procedure) => {
  for (const field of forbiddenFields)
    await expectRefused(procedure, { [field]: 'canary-value' }, ['invalid_input'], 'canary-value')
})

test.each(everyProcedure)('%s refuses what is no object', async (procedure) => {
  for (const input of ['text', 7, true, ['a'], null]) await expectRefused(procedure, input, ['invalid_input'])
})

test.each([
  ['tasks.listAssignments', { limit: 1e9 }],
  ['tasks.listAssignments', { limit: -1 }],
  ['tasks.listAssignments', { limit: 1.5 }],
  ['tasks.listAssignments', { cursor: 'forged' }],
  ['tasks.listTasks', { cursor: Buffer.from('["asg"]').toString('base64url') }],
  ['discovery.discover', { capability: 'text.extract', cursor: Buffer.from('[1,"x",0,"y"]').toString('base64url') }],
  ['discovery.listAgents', { cursor: Buffer.from('[{}]').toString('base64url') }],
  ['settlement.listLedger', { cursor: 'x'.repeat(513) }],
  ['events.wait', { after: -1 }],
  ['events.wait', { timeoutMs: 60_001 }],
  ['heartbeat.beat', { intervalMs: 1 }],
  ['tasks.assign', { taskId: `task_${wellFormed}`, kind: 'execute', assigneeAgentId: 'executor', maxAttempts: 0 }],
] as const)('%s refuses %j', async (procedure, input) => {
  await expectRefused(procedure, input, ['invalid_input'])
})

test('whatever JSON is sent to whatever procedure: no fault, a short answer, and nothing in it of what was sent', async () => {
  const anything = fc.oneof(
    fc.jsonValue({ maxDepth: 4 }),
    fc.dictionary(fc.constantFrom(...fieldNames()), fc.jsonValue({ maxDepth: 2 })),
  )
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...everyProcedure), anything, async (procedure, input) => {
      if (procedure === 'identity.deregister' || (procedure === 'events.wait' && isWait(input))) return
      const answer = await call(procedure, JSON.stringify(mark(input)))
      expect(answer.status).toBeLessThan(500)
      if (answer.status === 200) return
      expect(answer.text.length).toBeLessThanOrEqual(ANSWER_BYTES_MAX)
      expect(answer.text).not.toContain(MARK)
    }),
    { numRuns: 500 },
  )
})

/** Names of real fields, so that generated inputs get past the first check. */
function fieldNames(): string[] {
  return [...new Set(Object.values(procedures).flatMap(({ input }) => Object.keys(input.shape)))]
}

const MARK = 'canary'

/** The same value, with a mark in every text and in every name that is no field of the wire. */
function mark(value: unknown): unknown {
  if (typeof value === 'string') return `${MARK}${value}`
  if (Array.isArray(value)) return value.map(mark)
  if (typeof value !== 'object' || value === null) return value
  const fields = fieldNames()
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [fields.includes(name) ? name : mark(name), mark(each)]))
}

function isWait(input: unknown): boolean {
  return typeof input === 'object' && input !== null && 'timeoutMs' in input
}
