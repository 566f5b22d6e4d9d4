import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { balances, EXAMPLE, hire, openMarket, orderFlags, untilState, workerCommand } from '../stage/market.ts'
import { runCommand } from '../stage/process.ts'
import { Stage } from '../stage/stage.ts'

const STORY_MS = 240_000
const DECIDED = ['passed', 'failed', 'expired', 'declined', 'cancelled']

test('good work passes, is paid, and reaches the buyer as the executor made it', { timeout: STORY_MS }, async () => {
  await using stage = new Stage()
  const { buyer, executor, reviewer } = await openMarket(stage)
  executor.daemon('--exec', workerCommand('extract-emails.mjs'))
  reviewer.daemon()
  const { work, review } = await hire(buyer)
  expect(await balances({ buyer })).toEqual({ buyer: { available: '89', held: '11' } })

  const order = await buyer.json(...orderFlags(work))
  expect(order.sentTo.sort()).toEqual(['executor', 'reviewer'])
  expect(await untilState(buyer, work, DECIDED)).toBe('passed')

  const out = join(stage.directory, 'result')
  const { files } = await buyer.json('work', 'fetch', '--assignment-id', work, '--out', out)
  expect(files).toEqual([join(out, 'emails.json')])
  expect(JSON.parse(readFileSync(files[0], 'utf8'))).toMatchObject({ version: 1, total: 300 })
  expect(await balances({ buyer, executor, reviewer })).toEqual({
    buyer: { available: '89', held: '0' },
    executor: { available: '10', held: '0' },
    reviewer: { available: '1', held: '0' },
  })

  const { verdicts } = await buyer.json('review', 'list', '--assignment-id', work)
  expect(verdicts).toMatchObject([{ reviewAssignmentId: review, outcome: 'passed', scoreBps: 10_000 }])
  const shown = await executor.json('order', 'show', '--assignment-id', work, '--out', join(stage.directory, 'order'))
  expect(shown.instructions).toBe(readFileSync(join(EXAMPLE, 'instructions.md'), 'utf8'))
})

test('bad work fails, the money goes back, and the buyer never gets the work', { timeout: STORY_MS }, async () => {
  await using stage = new Stage()
  const { buyer, executor, reviewer } = await openMarket(stage)
  executor.daemon('--exec', workerCommand('bad-extract.mjs'))
  reviewer.daemon()
  const { work } = await hire(buyer)
  await buyer.json(...orderFlags(work))
  expect(await untilState(buyer, work, DECIDED)).toBe('failed')

  expect(await balances({ buyer, executor, reviewer })).toEqual({
    buyer: { available: '99', held: '0' },
    executor: { available: '0', held: '0' },
    reviewer: { available: '1', held: '0' },
  })
  const refused = await buyer.refused('work', 'fetch', '--assignment-id', work, '--out', join(stage.directory, 'result'))
  expect(refused).toMatchObject({ exit: 5 })
})

test('an executor declines: everything held goes back', { timeout: STORY_MS }, async () => {
  await using stage = new Stage()
  const { buyer, executor, reviewer } = await openMarket(stage)
  const { work, review } = await hire(buyer)
  expect(await executor.json('assignment', 'decline', '--assignment-id', work)).toMatchObject({ state: 'declined' })
  expect(await balances({ buyer, executor, reviewer })).toMatchObject({ buyer: { available: '100', held: '0' } })
  expect(await reviewer.json('assignment', 'show', '--assignment-id', review)).toMatchObject({ state: 'cancelled' })
  expect(await executor.refused('assignment', 'accept', '--assignment-id', work)).toMatchObject({ exit: 5, code: 'wrong_state' })
})

test('a file of any name and with any bytes in it can be ordered', { timeout: STORY_MS }, async () => {
  await using stage = new Stage()
  const { buyer, executor, reviewer } = await openMarket(stage)
  executor.daemon('--exec', workerCommand('extract-emails.mjs'))
  reviewer.daemon()
  const { work } = await hire(buyer)
  const input = stage.file(
    'Grüße an alle 🦊.txt',
    Buffer.concat([Buffer.from('write to one@example.org\n'), Buffer.from([0, 255, 254, 128])]),
  )
  await buyer.json(...orderFlags(work, input))
  expect(await untilState(buyer, work, DECIDED)).toBe('passed')
})

test('the server is killed in the middle of a job: after its restart the job goes on and is paid once', {
  timeout: STORY_MS,
}, async () => {
  await using stage = new Stage()
  const { buyer, executor, reviewer } = await openMarket(stage)
  const worker = executor.daemon('--exec', `sleep 3; ${workerCommand('extract-emails.mjs')}`)
  reviewer.daemon()
  const { work } = await hire(buyer)
  await buyer.json(...orderFlags(work))
  await worker.line((line) => line.event === 'job-started')

  await stage.server.stop('SIGKILL')
  await worker.line((line) => line.event === 'job-finished')
  await stage.server.start()

  expect(await untilState(buyer, work, DECIDED)).toBe('passed')
  expect(await balances({ buyer, executor, reviewer })).toEqual({
    buyer: { available: '89', held: '0' },
    executor: { available: '10', held: '0' },
    reviewer: { available: '1', held: '0' },
  })
})

test('the worker is killed in the middle of a job: its next start does the job, once', { timeout: STORY_MS }, async () => {
  await using stage = new Stage()
  const { buyer, executor, reviewer } = await openMarket(stage)
  const worker = executor.daemon('--exec', `sleep 2; ${workerCommand('extract-emails.mjs')}`)
  reviewer.daemon()
  const { work } = await hire(buyer)
  await buyer.json(...orderFlags(work))
  await worker.line((line) => line.event === 'job-started')
  await worker.stop('SIGKILL')
  const again = executor.daemon('--exec', workerCommand('extract-emails.mjs'))

  expect(await untilState(buyer, work, DECIDED)).toBe('passed')
  await again.line((line) => line.event === 'submitted')
  expect(again.lines.filter((line) => line.event === 'submitted')).toHaveLength(1)
  const { files } = await buyer.json('work', 'fetch', '--assignment-id', work, '--out', join(stage.directory, 'result'))
  expect(files).toHaveLength(1)
  expect(await balances({ buyer, executor })).toMatchObject({
    buyer: { available: '89', held: '0' },
    executor: { available: '10' },
  })
})

test('the reviewer is killed before it speaks: its next start gives one verdict', { timeout: STORY_MS }, async () => {
  await using stage = new Stage()
  const { buyer, executor, reviewer } = await openMarket(stage)
  const first = reviewer.daemon()
  await first.line((line) => line.event === 'started')
  const { work } = await hire(buyer)
  await buyer.json(...orderFlags(work))
  await first.line((line) => line.event === 'brief-received')
  await first.stop('SIGKILL')
  executor.daemon('--exec', workerCommand('extract-emails.mjs'))
  await untilState(buyer, work, ['submitted'])
  reviewer.daemon()
  expect(await untilState(buyer, work, DECIDED)).toBe('passed')
  const { verdicts } = await buyer.json('review', 'list', '--assignment-id', work)
  expect(verdicts).toHaveLength(1)

  // The verdict is good without the platform: for the buyer, and for an arbiter who was given the reviewer's card.
  const saved = stage.file('verdicts.json', JSON.stringify({ verdicts }))
  const card = stage.file('reviewer.json', (await buyer.run(['agents', 'show', 'reviewer', '--json'])).stdout)
  expect(await buyer.json('verify', saved)).toMatchObject({ valid: true, results: [{ signer: 'reviewer', basis: 'pinned' }] })
  expect(await stage.agent('arbiter').json('verify', saved, '--card', card)).toMatchObject({
    results: [{ valid: true, basis: 'given' }],
  })
})

test('the demo ends well, with good and with bad work', { timeout: STORY_MS }, async () => {
  const demo = join(import.meta.dirname, '..', '..', 'scripts', 'demo.ts')
  const good = await runCommand(process.execPath, [demo])
  expect(good.stdout + good.stderr).toContain('Hits:      0')
  expect(good.exit).toBe(0)
  const bad = await runCommand(process.execPath, [demo, '--bad-worker'])
  expect(bad.stdout).toContain('gets no work')
  expect(bad.exit).toBe(0)
  const missing = await runCommand(process.execPath, [demo, 'no-such-file'])
  expect(missing.exit).toBe(1)
})
