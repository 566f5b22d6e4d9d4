// A chain that is killed ends as if it never was: nothing is ordered, hired or paid twice. LONG=1 kills a chain of its own before every single sync.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { balances } from '../stage/market.ts'
import { openChainMarket, PANEL_CHAIN, PANEL_COST, panelWorker } from '../stage/panel.ts'
import { runCommand } from '../stage/process.ts'
import { Stage, type StagedAgent } from '../stage/stage.ts'
import { needStrace } from '../stage/strace.ts'

const LONG = process.env.LONG === '1'
/** In the short form one chain is killed again and again, each time before the so-manieth sync of its process. */
const KILLS = [2, 7, 12, 19, 5, 26]
const BIN = join(import.meta.dirname, '../../bin/agent-marketplace')
const DEPOSIT = 100_000
const MARKET = { tally: 'text.tally:1:10', rita: 'review.json:2:1', ruth: 'review.json:2:1', report: 'text.report:1:5' }

type Market = Record<keyof typeof MARKET | 'buyer', StagedAgent>

async function openMarket(stage: Stage): Promise<Market> {
  const market = await openChainMarket(stage, MARKET, `${DEPOSIT}`)
  market.tally.daemon('--exec', panelWorker('tally.mjs'))
  market.report.daemon('--exec', panelWorker('report.mjs'))
  market.rita.daemon()
  market.ruth.daemon()
  return market
}

/** Run the chain, or go on with it if it was begun. `killAt`: before its so-manieth sync. @returns the exit code, not 0 if it was killed. */
async function move({ buyer }: Market, killAt?: number): Promise<number | null> {
  const { chains } = await buyer.json('chain', 'list')
  const [open] = chains.filter(({ state }: { state: string }) => state !== 'done')
  const command = [BIN, 'chain', ...(open ? ['resume', open.chainId] : ['run', PANEL_CHAIN]), '--json']
  const calls = 'fsync,fdatasync'
  const strace = [
    needStrace(),
    '-f',
    '-qq',
    '-o',
    '/dev/null',
    '-e',
    `trace=${calls}`,
    '-e',
    `inject=${calls}:signal=SIGKILL:when=${killAt}`,
  ]
  const [program = '', ...args] = killAt === undefined ? command : [...strace, ...command]
  const { exit, stderr } = await runCommand(program, args, { cwd: buyer.home, env: buyer.env })
  if (exit !== 0 && killAt === undefined) throw new Error(stderr)
  return exit
}

async function areDone({ buyer }: Market, count: number): Promise<boolean> {
  const { chains } = await buyer.json('chain', 'list')
  return chains.filter(({ state }: { state: string }) => state === 'done').length === count
}

/** Everybody was asked, told and paid once for each chain, and there is nothing that belongs to no chain. */
async function expectOnce(market: Market, chains: number, when: string): Promise<void> {
  const paid = await balances(market)
  expect(paid, when).toEqual({
    buyer: { available: `${DEPOSIT - chains * PANEL_COST}`, held: '0' },
    tally: { available: `${chains * 10}`, held: '0' },
    rita: { available: `${chains}`, held: '0' },
    ruth: { available: `${chains}`, held: '0' },
    report: { available: `${chains * 5}`, held: '0' },
  })
  const { buyer, tally, report, rita } = market
  const page = ['--limit', '100']
  const { assignments } = await buyer.json('assignment', 'list', '--role', 'buyer', ...page)
  const { holds } = await buyer.json('hold', 'list', ...page)
  const { tasks } = await buyer.json('task', 'list', ...page)
  const seen = Math.min(100, chains * 4)
  expect([assignments.length, holds.length, tasks.length], when).toEqual([seen, seen, Math.min(100, chains * 2)])
  expect(new Set(assignments.map(({ state }: { state: string }) => state)), when).toEqual(new Set(['passed']))
  for (const [agent, typ] of [
    [tally, 'order.offer'],
    [report, 'order.offer'],
    [rita, 'review.brief'],
  ] as const) {
    const { messages } = await agent.json('inbox', '--limit', '1000')
    expect(
      messages.filter((message: { typ: string }) => message.typ === typ),
      `${typ}, ${when}`,
    ).toHaveLength(chains)
  }
}

test('killed again and again, a chain hires, orders and pays once, and its result is whole', {
  timeout: LONG ? 10_800_000 : 240_000,
}, async () => {
  await using stage = new Stage()
  const market = await openMarket(stage)
  let kills = 0
  let chains = 0
  if (LONG) {
    for (let at = 1; ; at++) {
      const isKilled = (await move(market, at)) !== 0
      chains++
      // Killed behind its last write, it is done and there is nothing to go on with.
      if (isKilled && !(await areDone(market, chains))) await move(market)
      await expectOnce(market, chains, `killed before sync ${at}`)
      if (!isKilled) break
      kills++
    }
  } else {
    for (const at of KILLS) if ((await move(market, at)) !== 0) kills++
    await move(market)
    chains = 1
  }
  expect(kills).toBeGreaterThan(3)
  await expectOnce(market, chains, `after ${kills} kills`)
  const { chains: all } = await market.buyer.json('chain', 'list')
  expect(all[0]).toMatchObject({ state: 'done', spent: `${PANEL_COST}`, committed: '0' })
  const { steps } = await market.buyer.json('chain', 'show', all[0].chainId)
  expect(readFileSync(steps[1].output[0], 'utf8')).toContain('12 people answered and gave 3.8 of 5 stars.')
})
