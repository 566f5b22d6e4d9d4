import { join } from 'node:path'
import { expect, test } from 'vitest'
import { postgres } from '../../packages/platform-server/test/engines.ts'
import { runServer } from '../../packages/platform-server/test/run-server.ts'
import { makeAgent } from '../stage/call.ts'
import { ORIGIN, startControl } from '../stage/control.ts'

test('two servers over one database are one platform; when one dies the other goes on', async () => {
  await using place = await postgres.open()
  const flags = ['--database', place.database ?? '']
  const [one, other] = await Promise.all(['one', 'other'].map((name) => startControl(join(place.directory, name), { flags })))
  if (!one || !other) throw new Error('two were started')
  expect((await one.call('server.info', {})).instanceId).toBe((await other.call('server.info', {})).instanceId)

  const agent = makeAgent('agent', ORIGIN)
  await agent.register(one.call)
  const token = await agent.openSession(other.call)
  await one.call('settlement.deposit', { amount: '5' }, { token })
  expect(await other.call('settlement.balance', {}, { token })).toEqual({ available: '5', held: '0' })
  await one.server.stop('SIGKILL')
  await other.call('settlement.deposit', { amount: '2' }, { token })
  expect(await other.call('settlement.balance', {}, { token })).toEqual({ available: '7', held: '0' })
  expect(await other.server.stop()).toBe(0)

  const check = await runServer(['check', ...flags, '--plane', 'control', '--data', join(place.directory, 'check')])
  expect(check).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('sound, 2 ledger entries') })
})
