import { chmodSync } from 'node:fs'
import { expect, test, vi } from 'vitest'
import { Stage } from '../stage/stage.ts'

const TOKEN = 'AGENT_MARKETPLACE_REGISTRATION_TOKEN'
const STORY_MS = 120_000

test('an operator invites, credits, suspends and resumes agents, and nobody else can', { timeout: STORY_MS }, async () => {
  await using stage = new Stage()
  vi.stubEnv(TOKEN, 'the-shared-word')
  await stage.server.start(['--registration', 'invite', '--deposits', 'operator', '--operator', 'ops'])
  const [ops, worker, late] = [stage.agent('ops'), stage.agent('worker'), stage.agent('late')]
  await ops.json('register', '--agent-id', 'ops')
  vi.unstubAllEnvs()

  const invite = await ops.json('operator', 'invite', 'create', '--expires-in', '1h')
  expect(invite).toMatchObject({ uses: 1, usesLeft: 1, token: expect.stringMatching(/^amk_inv_/) })
  const token = stage.file('token', `${invite.token}\n`)
  chmodSync(token, 0o600)
  const register = ['--registration-token', `@${token}`, '--capability', 'text.extract']
  expect(await worker.json('register', '--agent-id', 'worker', ...register)).toMatchObject({ status: 'active' })
  expect(await late.refused('register', '--agent-id', 'late', ...register)).toMatchObject({ exit: 3, code: 'forbidden' })
  const { invites } = await ops.json('operator', 'invite', 'list')
  expect(invites).toMatchObject([{ inviteId: invite.inviteId, usesLeft: 0 }])
  await ops.json('operator', 'invite', 'revoke', '--invite-id', invite.inviteId)

  expect(await worker.refused('deposit', '--amount', '5')).toMatchObject({ exit: 3, code: 'forbidden' })
  expect(await ops.json('operator', 'deposit', '--agent-id', 'worker', '--amount', '5')).toMatchObject({ available: '5' })

  expect(await ops.json('operator', 'agents', 'suspend', '--agent-id', 'worker')).toMatchObject({ status: 'suspended' })
  expect(await worker.refused('task', 'create')).toMatchObject({ exit: 3, code: 'agent_suspended' })
  expect(await worker.json('balance')).toMatchObject({ available: '5' })
  expect(await ops.json('operator', 'agents', 'resume', '--agent-id', 'worker')).toMatchObject({ status: 'active' })
  await worker.json('task', 'create')

  const tier = await ops.json('operator', 'agents', 'tier', '--agent-id', 'worker', '--trust-tier', '3')
  expect(tier).toEqual({ agentId: 'worker', status: 'active', trustTier: 3 })
  expect(await ops.json('operator', 'audit')).toMatchObject({
    agents: { active: 2, pending: 0 },
    ledger: { outside: '5', available: '5', broken: [] },
  })
  expect(await worker.refused('operator', 'audit')).toMatchObject({ exit: 3, code: 'forbidden' })
})

test('where registration is by approval a newcomer waits for the operator', { timeout: STORY_MS }, async () => {
  await using stage = new Stage()
  await stage.server.start(['--registration', 'approval', '--operator', 'ops'])
  const [ops, worker] = [stage.agent('ops'), stage.agent('worker')]
  await ops.json('register', '--agent-id', 'ops')
  expect(await worker.json('register', '--agent-id', 'worker')).toMatchObject({ status: 'pending' })
  expect(await worker.refused('task', 'create')).toMatchObject({ exit: 3, code: 'agent_pending' })
  expect(await worker.json('whoami')).toMatchObject({ status: 'pending' })

  expect(await ops.json('operator', 'agents', 'approve', '--agent-id', 'worker')).toMatchObject({ status: 'active' })
  await worker.json('task', 'create')
})
