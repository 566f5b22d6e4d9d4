import { join } from 'node:path'
import { expect, test } from 'vitest'
import { balances, openMarket, orderFlags, untilState, workerCommand } from '../stage/market.ts'
import { Stage } from '../stage/stage.ts'

const STORY_MS = 120_000

test('work on the open market: whoever claims the offer does it and is paid', { timeout: STORY_MS }, async () => {
  await using stage = new Stage()
  const { buyer, executor, reviewer } = await openMarket(stage)
  const { taskId } = await buyer.json('task', 'create')
  const terms = ['--kind', 'execute', '--capability', 'text.extract', '--price', '10']
  const { assignmentId: work, state } = await buyer.json('assign', '--task-id', taskId, ...terms)
  expect(state).toBe('offered')

  const { offers } = await executor.json('offers', 'list', '--capability', 'text.extract')
  expect(offers).toMatchObject([{ assignmentId: work, price: '10', maxAttempts: 1 }])
  expect(JSON.stringify(offers)).not.toContain(taskId)
  expect((await reviewer.json('offers', 'list')).offers).toEqual([])
  expect(await reviewer.refused('assignment', 'claim', '--assignment-id', work)).toMatchObject({ exit: 4 })
  expect(await executor.json('assignment', 'claim', '--assignment-id', work)).toMatchObject({
    state: 'assigned',
    buyerId: 'buyer',
  })

  executor.daemon('--exec', workerCommand('extract-emails.mjs'))
  await buyer.json(...orderFlags(work))
  await untilState(buyer, work, ['submitted'])
  await buyer.json('assignment', 'approve', '--assignment-id', work)

  const { files } = await buyer.json('work', 'fetch', '--assignment-id', work, '--out', join(stage.directory, 'result'))
  expect(files).toHaveLength(1)
  expect(await balances({ buyer, executor })).toEqual({
    buyer: { available: '90', held: '0' },
    executor: { available: '10', held: '0' },
  })
})
