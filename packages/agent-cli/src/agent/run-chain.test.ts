// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of chain files look like this
import { mkdirSync, readFileSync, renameSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test as one } from 'vitest'
import { chainsDirectory } from '../private/chains.ts'
import { listMessages } from '../private/inbox.ts'
import { makeTestHome } from '../test-home.ts'
import { startMarket, type TestAgent, type TestMarket } from '../test-market.ts'
import { query } from './call.ts'
import { cancelChain } from './cancel-chain.ts'
import { chainStatus } from './chain-status.ts'
import { CliError } from './cli-error.ts'
import { type ChainEvent, type ChainView, type DriveOptions, resumeChain, runChain } from './run-chain.ts'

/** Most of their time they wait for agents. */
const test = one.concurrent

/** Seconds on a quiet machine. */
const STORY_MS = 300_000
let market: TestMarket
let place: ReturnType<typeof makeTestHome>
beforeAll(async () => {
  market = await startMarket()
  place = makeTestHome()
})
afterAll(async () => {
  await market[Symbol.asyncDispose]()
  place[Symbol.dispose]()
})

/** Copies; passes and fails nothing by itself. */
const COPY = 'cp input/* output/'
/** Told at every look, with nothing written before. */
const IDLE: ReadonlySet<string> = new Set(['progress', 'waiting', 'warning', 'finished'])

function writeChain(name: string, steps: string): string {
  const directory = join(place.path, name)
  mkdirSync(directory)
  writeFileSync(join(directory, 'words.txt'), 'hello')
  const rules = [{ pointer: '', op: 'eq', value: 1, weight: 1 }]
  writeFileSync(join(directory, 'rules.json'), JSON.stringify({ version: 1, threshold: 1, rules }))
  const file = join(directory, 'chain.yaml')
  writeFileSync(file, `version: 1\nsteps:\n${steps}`)
  return file
}

function documentsOf({ vault }: TestAgent, typ: string) {
  return listMessages(vault, { limit: 100, from: undefined, sinceMs: undefined }).filter((message) => message.typ === typ)
}

async function everything(buyer: TestAgent) {
  const { assignments } = await query(buyer, 'tasks.listAssignments', { role: 'buyer', limit: 100 })
  const { tasks } = await query(buyer, 'tasks.listTasks', { limit: 100 })
  const { holds } = await query(buyer, 'settlement.listHolds', { limit: 100 })
  return { assignments, tasks, holds, balance: await query(buyer, 'settlement.balance', {}) }
}

test(
  'where nothing can be written any more after an act, it is not done again once that is possible',
  async () => {
    const [buyer, worker, rita] = await Promise.all([
      market.join('buyer-1', { credits: '100' }),
      market.join('worker-1', { capabilities: ['copy.one:2:5'] }),
      market.join('rita-1', { capabilities: ['look.one:2:1'] }),
    ])
    worker.daemon({ exec: 'echo 1 > output/result.json' })
    rita.daemon()
    const file = writeChain(
      'lost',
      `  - {id: a, capability: copy.one, price: "5", instructions: Copy., input: [words.txt], validate: {rules: rules.json}, review: {capability: look.one, price: "1"}}
  - {id: b, capability: copy.one, price: "5", instructions: Copy., input: ["\${a.output}"]}\n`,
    )
    const pathOf = (chainId: string) => join(chainsDirectory(buyer.profile.directory), `${chainId}.json`)
    const broken = new Set<string>()
    let chainId = ''
    /** After every kind of event once, the document gives way to a directory: the next act is done, and its answer cannot be kept. */
    const onStep = (event: ChainEvent) => {
      chainId = event.chainId
      const name = `${event.event} ${event.step}`
      if (IDLE.has(event.event) || broken.has(name)) return
      broken.add(name)
      renameSync(pathOf(chainId), `${pathOf(chainId)}.kept`)
      mkdirSync(pathOf(chainId))
    }
    const go = async (start: (options: DriveOptions) => Promise<ChainView>): Promise<ChainView | undefined> => {
      try {
        return await start({ onStep })
      } catch (error) {
        expect(error).toMatchObject({ code: 'local_state' })
        rmdirSync(pathOf(chainId))
        renameSync(`${pathOf(chainId)}.kept`, pathOf(chainId))
        return undefined
      }
    }
    // Who waits for what was done twice would wait for ever.
    const inTime = AbortSignal.timeout(STORY_MS - 20_000)
    let view = await go((options) => runChain(buyer.reopen(inTime), { file, ...options }))
    for (let tries = 0; !view && tries < 40; tries++)
      view = await go((options) => resumeChain(buyer.reopen(inTime), { chainId, ...options }))

    expect(view).toMatchObject({ state: 'done', spent: '11', committed: '0' })
    expect(broken.size).toBeGreaterThan(10)
    const { assignments, tasks, holds, balance } = await everything(buyer)
    expect([assignments.length, tasks.length, holds.length]).toEqual([3, 2, 3])
    expect(balance).toEqual({ available: '89', held: '0' })
    expect(documentsOf(worker, 'order.offer')).toHaveLength(2)
    expect(documentsOf(rita, 'review.brief')).toHaveLength(1)
    const [path = ''] = view?.steps[1]?.output ?? []
    expect(readFileSync(path, 'utf8')).toBe('1\n')
  },
  STORY_MS,
)

test(
  'steps beside each other hand on files of one name under two, and unpaid agents are asked for unpaid work',
  async () => {
    const [buyer, worker] = await Promise.all([market.join('buyer-2'), market.join('worker-2', { capabilities: ['copy.two:4'] })])
    await market.join('greedy-2', { capabilities: ['copy.two:4:1'] })
    worker.daemon({ exec: COPY })
    const file = writeChain(
      'beside',
      ['left', 'right']
        .map((id) => `  - {id: ${id}, capability: copy.two, instructions: Copy., input: [words.txt]}\n`)
        .concat('  - {id: both, capability: copy.two, instructions: Copy., input: ["${left.output}", "${right.output}"]}\n')
        .join(''),
    )
    const out = join(place.path, 'out')
    expect(await runChain(buyer.reopen(), { file, out })).toMatchObject({ state: 'done', spent: '0' })
    expect(readFileSync(join(out, 'both', 'left.words.txt'), 'utf8')).toBe('hello')
    expect(readFileSync(join(out, 'both', 'right.words.txt'), 'utf8')).toBe('hello')
  },
  STORY_MS,
)

test(
  'a named agent that declines is not replaced: its step fails, what needs it is skipped, what does not goes on, and resume asks again',
  async () => {
    const [buyer, worker, shy] = await Promise.all([
      market.join('buyer-3', { credits: '10' }),
      market.join('worker-3', { capabilities: ['copy.three'] }),
      market.join('shy-3', { capabilities: ['copy.three'] }),
    ])
    worker.daemon({ exec: COPY })
    const file = writeChain(
      'shy',
      `  - {id: one, agent: shy-3, price: "2", instructions: Copy., input: [words.txt]}
  - {id: two, agent: worker-3, instructions: Copy., input: ["\${one.output}"]}
  - {id: three, agent: worker-3, price: "1", instructions: Copy., input: [words.txt]}\n`,
    )
    const decline = (event: ChainEvent) => {
      if (event.event === 'ordered' && event.step === 'one')
        void shy.platform.mutate(
          'tasks.declineAssignment',
          { assignmentId: String(event.assignmentId) },
          { idempotencyKey: 'no-1' },
        )
    }
    const view = await runChain(buyer.reopen(), { file, onStep: decline })
    expect(view).toMatchObject({ state: 'failed', spent: '1', committed: '0' })
    expect(view.steps.map(({ state }) => state)).toEqual(['failed', 'skipped', 'passed'])
    expect(view.steps[0]?.reason).toContain('shy-3')
    expect(await query(buyer, 'settlement.balance', {})).toEqual({ available: '9', held: '0' })
    expect(chainStatus(buyer, view.chainId)).toEqual(view)
    await expect(cancelChain(buyer, { chainId: view.chainId })).rejects.toMatchObject({ code: 'wrong_state' })

    shy.daemon({ exec: COPY })
    const again = await resumeChain(buyer.reopen(), { chainId: view.chainId })
    expect(again).toMatchObject({ state: 'done', spent: '3', steps: [{ tries: 2 }, { tries: 1 }, { tries: 1 }] })
  },
  STORY_MS,
)

test(
  'a budget that is used up stops the next try before anybody is asked, and more of it lets it go on',
  async () => {
    const [buyer, bad, good, rita] = await Promise.all([
      market.join('buyer-4', { credits: '100' }),
      market.join('a-bad-4', { capabilities: ['copy.four:1:5'] }),
      market.join('b-good-4', { capabilities: ['copy.four:1:5'] }),
      market.join('rita-4', { capabilities: ['look.four:1:1'] }),
    ])
    bad.daemon({ exec: 'echo nothing > output/words.txt' })
    good.daemon({ exec: 'echo 1 > output/result.json' })
    rita.daemon()
    const file = writeChain(
      'budget',
      `  - {id: a, capability: copy.four, price: "5", instructions: Copy., validate: {rules: rules.json}, review: {capability: look.four, price: "1"}}\n`,
    )
    const stopped = await runChain(buyer.reopen(), { file, budget: '6' }).catch((error: unknown) => error)
    expect(stopped).toBeInstanceOf(CliError)
    expect(stopped).toMatchObject({ code: 'insufficient_funds', message: expect.stringContaining('beyond the budget of 6') })
    const [chainId = ''] = /chn_[0-9a-f]+/.exec(String((stopped as CliError).hint)) ?? []
    expect(await query(buyer, 'settlement.balance', {})).toEqual({ available: '99', held: '0' })
    expect(chainStatus(buyer, chainId)).toMatchObject({ state: 'interrupted', spent: '1' })
    expect(await resumeChain(buyer.reopen(), { chainId, budget: '7' })).toMatchObject({ state: 'done', spent: '7', budget: '7' })
    expect((await everything(buyer)).assignments.filter(({ kind }) => kind === 'execute')).toHaveLength(2)
  },
  STORY_MS,
)

test(
  'a reviewer that declines is replaced while the work goes on',
  async () => {
    const [buyer, worker, rita, ruth] = await Promise.all([
      market.join('buyer-5', { credits: '100' }),
      market.join('worker-5', { capabilities: ['copy.five:1:5'] }),
      market.join('a-rita-5', { capabilities: ['look.five:1:1'] }),
      market.join('b-ruth-5', { capabilities: ['look.five:1:1'] }),
    ])
    const isReplaced = join(place.path, 'is-replaced')
    worker.daemon({ exec: `until [ -e ${isReplaced} ]; do sleep 0.1; done; echo 1 > output/result.json` })
    ruth.daemon()
    const file = writeChain(
      'replaced',
      `  - {id: a, capability: copy.five, price: "5", instructions: Copy., validate: {rules: rules.json}, review: {capability: look.five, price: "1"}}\n`,
    )
    const decline = ({ event, agentId, assignmentId }: ChainEvent) => {
      if (event === 'reviewer-hired' && agentId === 'a-rita-5')
        void rita.platform.mutate('tasks.declineAssignment', { assignmentId: String(assignmentId) }, { idempotencyKey: 'no-2' })
      if (event === 'reviewer-hired' && agentId === 'b-ruth-5') writeFileSync(isReplaced, '')
    }
    const view = await runChain(buyer.reopen(), { file, onStep: decline })
    expect(view).toMatchObject({ state: 'done', spent: '6', steps: [{ reviewers: ['b-ruth-5'], tries: 1 }] })
    expect(await query(buyer, 'settlement.balance', {})).toEqual({ available: '94', held: '0' })
  },
  STORY_MS,
)

test(
  'a cancel leaves work that is under way, says so, and ends when that has ended',
  async () => {
    const [buyer, worker] = await Promise.all([
      market.join('buyer-6', { credits: '100' }),
      market.join('worker-6', { capabilities: ['copy.six:1:5'] }),
    ])
    const daemon = worker.daemon({ exec: `until [ -e ${place.path}/go ]; do sleep 0.1; done; echo 1 > output/result.json` })
    const file = writeChain(
      'left',
      `  - {id: a, capability: copy.six, price: "5", instructions: Copy., input: [words.txt]}
  - {id: b, capability: copy.six, price: "5", instructions: Copy., input: ["\${a.output}"]}\n`,
    )
    const controller = new AbortController()
    let chainId = ''
    const onStep = (event: ChainEvent) => {
      chainId = event.chainId
      if (event.event === 'progress' && event.state === 'working') controller.abort()
    }
    await expect(runChain(buyer.reopen(), { file, onStep, signal: controller.signal })).rejects.toMatchObject({
      code: 'interrupted',
    })
    const left = await cancelChain(buyer.reopen(), { chainId })
    expect(left).toMatchObject({ state: 'cancelling', left: [{ step: 'a', agentId: 'worker-6', state: 'working' }] })
    expect(await query(buyer, 'settlement.balance', {})).toEqual({ available: '95', held: '5' })
    writeFileSync(join(place.path, 'go'), '')
    await daemon.seen('submitted')
    const { assignments } = await everything(buyer)
    const assignmentId = assignments[0]?.assignmentId ?? ''
    await buyer.platform.mutate('tasks.approveAssignment', { assignmentId }, { idempotencyKey: 'yes-1' })
    expect(await cancelChain(buyer.reopen(), { chainId })).toMatchObject({
      state: 'cancelled',
      left: [],
      spent: '5',
      committed: '0',
    })
    expect((await everything(buyer)).assignments).toHaveLength(1)
  },
  STORY_MS,
)
