import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { IDEMPOTENCY_HEADER, type ProcedureName, procedures, TRPC_PATH } from '@agent-marketplace/protocol'
import { generateSigningKey } from '@agent-marketplace/protocol/signing'
import { expect, test } from 'vitest'
import { postgres } from '../../packages/platform-server/test/engines.ts'
import { proveKey, signCard, signPrekey } from '../../packages/platform-server/test/platform.ts'
import { runServer } from '../../packages/platform-server/test/run-server.ts'
import { Running } from '../stage/process.ts'

const MAIN = join(import.meta.dirname, '../../packages/platform-server/src/main.ts')
/** What clients call, whichever server they are sent to. */
const ORIGIN = 'http://127.0.0.1:9'

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** A server of its own, with its own directory. */
async function startServer(
  flags: readonly string[],
  directory: string,
): Promise<{ server: Running; call: ReturnType<typeof callAt> }> {
  const listen = `127.0.0.1:${await findFreePort()}`
  const server = new Running(process.execPath, ['--conditions=source', MAIN, ...flags, '--data', directory, '--listen', listen])
  await server.line((line) => line.event === 'listening')
  return { server, call: callAt(`http://${listen}`) }
}

let keys = 0

/** Call a server. @returns what it replied. */
function callAt(address: string) {
  return async (name: ProcedureName, input: object, token?: string): Promise<Record<string, unknown>> => {
    const headers = {
      'content-type': 'application/json',
      [IDEMPOTENCY_HEADER]: `key-${++keys}`,
      ...(token && { authorization: `Bearer ${token}` }),
    }
    const url = `${address}${TRPC_PATH}/${name}`
    const answer =
      procedures[name].type === 'mutation'
        ? await fetch(url, { method: 'POST', headers, body: JSON.stringify(input) })
        : await fetch(`${url}?input=${encodeURIComponent(JSON.stringify(input))}`, { headers })
    const { result, error } = (await answer.json()) as { result?: { data: Record<string, unknown> }; error?: { message: string } }
    if (!result) throw new Error(`${name}: ${answer.status} ${error?.message}`)
    return result.data
  }
}

test('two servers over one database are one platform; when one dies the other goes on', async () => {
  await using place = await postgres.open()
  const flags = ['--database', place.database ?? '', '--plane', 'control', '--origin', ORIGIN]
  const [one, other] = await Promise.all(['one', 'other'].map((name) => startServer(flags, join(place.directory, name))))
  if (!one || !other) throw new Error('two were started')
  expect((await one.call('server.info', {})).instanceId).toBe((await other.call('server.info', {})).instanceId)

  const agent = generateSigningKey()
  const of = { agentId: 'agent', nowMs: Date.now() }
  const proof = () => proveKey(agent, { ...of, audience: ORIGIN })
  await one.call('identity.register', { card: signCard(agent, of), proof: proof(), prekey: signPrekey(agent, of) })
  const { token } = (await other.call('identity.openSession', proof())) as { token: string }
  await one.call('settlement.deposit', { amount: '5' }, token)
  expect(await other.call('settlement.balance', {}, token)).toEqual({ available: '5', held: '0' })
  await one.server.stop('SIGKILL')
  await other.call('settlement.deposit', { amount: '2' }, token)
  expect(await other.call('settlement.balance', {}, token)).toEqual({ available: '7', held: '0' })
  expect(await other.server.stop()).toBe(0)

  const check = await runServer(['check', ...flags, '--data', join(place.directory, 'check')])
  expect(check).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('sound, 2 ledger entries') })
})
