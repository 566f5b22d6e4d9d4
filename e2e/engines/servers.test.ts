import { join } from 'node:path'
import { expect, test } from 'vitest'
import { postgres } from '../../packages/platform-server/test/engines.ts'
import { openProxy } from '../../packages/platform-server/test/postgres-proxy.ts'
import { runServer } from '../../packages/platform-server/test/run-server.ts'
import { makeAgent } from '../stage/call.ts'
import { ORIGIN, startControl } from '../stage/control.ts'

const LONG = process.env.LONG === '1'

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

test('a server that starts before its database waits for it; a check says that it is not there', async () => {
  await using place = await postgres.open()
  await using proxy = await openProxy(place.database ?? '', { isAwaited: true })
  const flags = ['--database', proxy.address]
  const check = await runServer(['check', ...flags, '--plane', 'control', '--data', join(place.directory, 'check')])
  expect(check).toMatchObject({
    exitCode: 74,
    stderr: expect.stringMatching(/^platform-server: --database: cannot be reached: .*\n$/),
  })
  const starting = startControl(join(place.directory, 'server'), { flags })
  setTimeout(proxy.open, 3_000)
  const { call, server } = await starting
  expect(server.stderr).toContain('storage.awaited')
  expect(await call('server.info', {})).toMatchObject({ origin: ORIGIN })
})

const silentStop = async () => {
  await using place = await postgres.open()
  await using proxy = await openProxy(place.database ?? '')
  const { call, server } = await startControl(join(place.directory, 'server'), { flags: ['--database', proxy.address] })
  const agent = makeAgent('agent', ORIGIN)
  await agent.register(call)
  proxy.fallSilent()
  agent.openSession(call).catch(() => {})
  const startedAt = performance.now()
  expect(await server.stop()).toBe(74)
  expect(performance.now() - startedAt).toBeLessThan(12_000)
}
if (LONG) {
  test('a server whose database has fallen silent stops within 10 s all the same', { timeout: 120_000 }, silentStop)
}
