// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of chain files look like this
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { argvOf, examplesOf, readManifest } from '../stage/command-lines.ts'
import { balances } from '../stage/market.ts'
import { openChainMarket, PANEL, panelWorker } from '../stage/panel.ts'
import { Running } from '../stage/process.ts'
import { Stage } from '../stage/stage.ts'

const STORY_MS = 300_000
const BIN = join(import.meta.dirname, '../../bin/agent-marketplace')

/** An example from the help of a command about chains, the first if no other is named, as the words of a command line. */
function example(verb: string, known: Record<string, string> = {}, at = 0): string[] {
  const entry = readManifest()[`chain:${verb}`]
  return argvOf((entry && examplesOf(entry)[at]) ?? '', known)
}

const CHAIN = `version: 1
steps:
  - id: tally
    capability: text.tally
    price: "10"
    instructions: "@${PANEL}/instructions.md"
    input: [${PANEL}/feedback.txt]
    validate: { schema: ${PANEL}/tally.schema.json, rules: ${PANEL}/rules.json }
    review: { capability: review.json, count: 2, price: "1" }
    lease: 6s
  - id: report
    capability: text.report
    price: "5"
    instructions: A page about it.
    input: [\${tally.output}]
  - id: letter
    needs: [report]
    capability: text.report
    price: "3"
    instructions: The same for those who do not read.
    input: ["\${tally.output}"]
`

test('a chain goes on when an executor dies, another delivers bad work and the server restarts, and everybody gets what is theirs', {
  timeout: STORY_MS,
}, async () => {
  await using stage = new Stage()
  const offers = {
    'a-dies': 'text.tally:1:10',
    'b-bad': 'text.tally:1:10',
    'c-good': 'text.tally:1:10',
    rita: 'review.json:2:1',
    ruth: 'review.json:2:1',
    writer: 'text.report:1:3',
  }
  const market = await openChainMarket(stage, offers, '100')
  const { buyer } = market
  const dying = market['a-dies'].daemon('--exec', 'sleep 60')
  market['b-bad'].daemon('--exec', 'echo 12 > output/tally.json')
  market['c-good'].daemon('--exec', panelWorker('tally.mjs'))
  market.rita.daemon()
  market.ruth.daemon()
  const writer = market.writer.daemon('--exec', `sleep 1; ${panelWorker('report.mjs')}`)

  writeFileSync(join(buyer.home, 'chain.yaml'), CHAIN)
  const out = join(buyer.home, 'results')
  const chain = new Running(BIN, [...example('run', {}, 1), '--budget', '30'], { cwd: buyer.home, env: buyer.env })
  await dying.line(({ event }) => event === 'job-started')
  await dying.stop('SIGKILL')
  await chain.line(({ event, outcome }) => event === 'ended' && outcome === 'expired')
  await chain.line(({ event, outcome }) => event === 'ended' && outcome === 'failed')
  await writer.line(({ event }) => event === 'job-started')
  await stage.server.stop('SIGKILL')
  await sleep(500)
  await stage.server.start()

  const result = await chain.line(({ event }) => event === 'result', { withinMs: 120_000 })
  expect(await chain.ended).toBe(0)
  expect(result).toMatchObject({
    state: 'done',
    spent: '22',
    committed: '0',
    steps: [
      { id: 'tally', state: 'passed', agentId: 'c-good', tries: 3 },
      { id: 'report', state: 'passed', agentId: 'writer', tries: 1 },
      { id: 'letter', state: 'passed', agentId: 'writer', tries: 1 },
    ],
  })
  expect(JSON.parse(readFileSync(join(out, 'tally', 'tally.json'), 'utf8'))).toMatchObject({ count: 12, average: 3.8 })
  expect(readFileSync(join(out, 'letter', 'report.md'), 'utf8')).toContain('12 people answered')
  const money = (available: string) => ({ available, held: '0' })
  expect(await balances(market)).toEqual({
    buyer: money('78'),
    'a-dies': money('0'),
    'b-bad': money('0'),
    'c-good': money('10'),
    rita: money('2'),
    ruth: money('2'),
    writer: money('8'),
  })

  // What is done stays as it is.
  const again = await buyer.json(...example('resume', { CHAIN: String(result.chainId) }))
  expect(again).toMatchObject({ state: 'done', spent: '22' })

  // Nothing on the platform ties the steps together: every executor had a task of its own.
  const { assignments } = await buyer.json('assignment', 'list', '--role', 'buyer', '--limit', '100')
  const executed = assignments.filter(({ kind }: { kind: string }) => kind === 'execute')
  expect(executed).toHaveLength(5)
  expect(new Set(executed.map(({ taskId }: { taskId: string }) => taskId)).size).toBe(5)
})

test('a chain that cannot go on says so, gives back what nobody has begun, and spends no more than it may', {
  timeout: STORY_MS,
}, async () => {
  await using stage = new Stage()
  const { buyer, idle } = await openChainMarket(stage, { idle: 'text.tally:1:10' }, '100')
  await idle.json('ping')
  const file = join(buyer.home, 'chain.yaml')
  writeFileSync(file, CHAIN.replace(/ {4}review: .*\n/, ''))
  expect(await buyer.json(...example('check'))).toEqual({ ok: true, file: 'chain.yaml', steps: 3, leastCost: '18' })
  const refused = await buyer.refused('chain', 'run', file, '--budget', '17.5')
  expect(refused).toMatchObject({
    exit: 5,
    code: 'insufficient_funds',
    message: 'the chain costs at least 18, the budget is 17.5',
  })
  expect((await buyer.json(...example('list'))).chains).toEqual([])

  const chain = new Running(BIN, ['chain', 'run', file, '--follow', '--json'], { cwd: buyer.home, env: buyer.env })
  await chain.line(({ event }) => event === 'ordered')
  const { chains } = await buyer.json('chain', 'list')
  const { chainId } = chains[0]
  expect(chains).toMatchObject([{ state: 'running', committed: '10', passed: '0 of 3' }])
  expect(await buyer.refused('chain', 'cancel', chainId)).toMatchObject({ exit: 5, code: 'wrong_state' })
  expect(await chain.stop('SIGINT')).toBe(130)
  expect(await buyer.json(...example('show', { CHAIN: chainId }))).toMatchObject({ state: 'interrupted' })
  expect(await buyer.refused('chain', 'run', file)).toMatchObject({ exit: 5, code: 'already_exists' })

  expect(await buyer.json(...example('cancel', { CHAIN: chainId }))).toMatchObject({ state: 'cancelled', left: [], spent: '0' })
  expect(await balances({ buyer })).toEqual({ buyer: { available: '100', held: '0' } })
  expect(await buyer.refused('chain', 'resume', chainId)).toMatchObject({ exit: 5, code: 'wrong_state' })
  expect(await buyer.refused('chain', 'show', 'chn_nobody')).toMatchObject({ exit: 4, code: 'not_found' })

  writeFileSync(file, CHAIN.replace('price: "10"', 'prize: "10"').replace('${tally.output}', '${taly.output}'))
  const checked = await buyer.run(example('check'))
  expect(checked).toMatchObject({ exit: 2, stderr: '' })
  expect(checked.stdout.trim()).toBe(`chain.yaml:5:5: unknown field "prize" — did you mean "price"?`)
  writeFileSync(file, CHAIN.replace('${tally.output}', '${taly.output}').replace('feedback.txt', 'missing.txt'))
  expect(await buyer.refused('chain', 'run', file)).toMatchObject({ exit: 2, code: 'usage' })
})
