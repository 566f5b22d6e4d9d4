import { type ProcedureName, procedures } from '@agent-marketplace/protocol'
import { describe, expect, test } from 'vitest'
import { applicationOf } from '../../test/application.ts'
import { callAs, openTestPlatform } from '../../test/platform.ts'
import { expectRefusal } from '../../test/refusal.ts'
import { openScene } from '../../test/scene.ts'
import { VERSION } from '../version.ts'
import { appRouter } from './app-router.ts'

interface Definition {
  readonly type: string
  readonly inputs: readonly unknown[]
  readonly output: unknown
}

const routed = Object.entries(appRouter._def.procedures as unknown as Record<string, { _def: Definition }>)
const table = Object.entries(procedures)

test('the router has the procedures of the protocol, and no other', () => {
  expect(routed.map(([name]) => name).sort()).toEqual(table.map(([name]) => name).sort())
})

test.each(table)('%s is of the kind and has the very schemas that the protocol says', (name, { type, input, output }) => {
  const definition = Object.fromEntries(routed)[name]?._def

  expect(definition?.type).toBe(type)
  expect(definition?.inputs).toHaveLength(1)
  expect(definition?.inputs[0]).toBe(input)
  expect(definition?.output).toBe(output)
})

describe('an idempotency key', () => {
  const keyed = table.filter(([, { type, keyed }]) => type === 'mutation' && keyed).map(([name]) => name)
  const others = table.filter(([, { keyed }]) => !keyed).map(([name]) => name)
  const sampleInputs: Partial<Record<ProcedureName, object>> = {
    'registry.declareCapabilities': { capabilities: [{ name: 'text.extract', maxConcurrency: 1 }] },
  }

  test('is asked of every keyed mutation, before anything is looked at', async () => {
    await using scene = await openScene()
    const { deps } = scene.platform
    for (const name of keyed) {
      const api = callAs(deps, scene.actors.operator.token)
      const [slice = '', verb = ''] = name.split('.')
      const call = (api as unknown as Record<string, Record<string, (input: unknown) => Promise<unknown>>>)[slice]?.[verb]
      const input =
        name === 'identity.register' ? applicationOf(deps, { agentId: 'newcomer' }) : (sampleInputs[name as ProcedureName] ?? {})
      await expectRefusal(scene.platform, 'idempotency_key_missing', async () => call?.(input))
    }
  })

  test('is asked of nothing else', () => {
    const mutations = others.filter((name) => procedures[name as ProcedureName].type === 'mutation')
    expect(mutations).toEqual(['identity.openSession', 'identity.openRecovery', 'heartbeat.beat'])
  })
})

test('server.info says who the server is and what its policies are, to anybody', async () => {
  await using platform = await openTestPlatform([
    '--registration',
    'approval',
    '--deposits',
    'operator',
    '--relay-origin',
    'http://127.0.0.1:9999',
  ])
  const { deps } = platform

  expect(await callAs(deps).server.info({})).toEqual({
    instanceId: deps.instanceId,
    origin: 'http://127.0.0.1:8080',
    relayOrigins: ['http://127.0.0.1:9999'],
    version: VERSION,
    protocol: 1,
    registration: 'approval',
    deposits: 'operator',
    relayTokens: 'off',
    nowMs: deps.now(),
  })
})
