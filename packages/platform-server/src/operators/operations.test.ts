import { describe, expect, test } from 'vitest'
import { applicationOf } from '../../test/application.ts'
import { engines } from '../../test/engines.ts'
import type { Engine } from '../../test/place.ts'
import { callAs, openTestPlatform, type TestAgent, type TestPlatform } from '../../test/platform.ts'
import { expectRefusal } from '../../test/refusal.ts'
import { sweepIdentity } from '../identity/operations.ts'

const SHARED = 'shared-registration-token'
const HOUR_MS = 3_600_000

/** A platform that asks newcomers for an invite, and its operator. */
async function openByInvite(on: { engine?: Engine } = {}): Promise<{ platform: TestPlatform; ops: TestAgent }> {
  const args = ['--registration', 'invite', '--operator', 'ops']
  const platform = await openTestPlatform(args, { AGENT_MARKETPLACE_REGISTRATION_TOKEN: SHARED }, on)
  return { platform, ops: await platform.agent('ops', { registrationToken: SHARED }) }
}

async function openByApproval(): Promise<{ platform: TestPlatform; ops: TestAgent }> {
  const platform = await openTestPlatform(['--registration', 'approval', '--operator', 'ops'])
  return { platform, ops: await platform.agent('ops') }
}

async function invite({ api }: TestAgent, platform: TestPlatform, uses = 1): Promise<{ inviteId: string; token: string }> {
  const { inviteId, token } = await api.operators.createInvite({ uses, expiresAtMs: platform.deps.now() + HOUR_MS })
  return { inviteId, token: token ?? '' }
}

describe('where registration is by invite', () => {
  test('an invite admits as many new ids as it has uses', async () => {
    const { platform, ops } = await openByInvite()
    await using _ = platform
    const { token } = await invite(ops, platform, 2)

    await platform.agent('first', { registrationToken: token })
    await platform.agent('second', { registrationToken: token })
    await expectRefusal(platform, 'forbidden', () => platform.agent('third', { registrationToken: token }))
  })

  test.each(engines)('many who race for the last use are let in once, on $name', async (engine) => {
    const { platform, ops } = await openByInvite({ engine })
    await using _ = platform
    const { token } = await invite(ops, platform)

    const racers = Array.from({ length: 8 }, (_, i) => platform.agent(`racer-${i}`, { registrationToken: token }))
    const results = await Promise.allSettled(racers)

    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  test('a missing, made up, used up, expired and revoked invite are refused in the same words', async () => {
    const { platform, ops } = await openByInvite()
    await using _ = platform
    const used = await invite(ops, platform)
    await platform.agent('first', { registrationToken: used.token })
    const expired = await invite(ops, platform)
    platform.pass(HOUR_MS)
    const renewed = await platform.resume(ops)
    const revoked = await invite(renewed, platform)
    await renewed.api.operators.revokeInvite({ inviteId: revoked.inviteId })

    const words = new Set<string>()
    for (const registrationToken of [undefined, 'made-up', used.token, expired.token, revoked.token]) {
      const refusal = await expectRefusal(platform, 'forbidden', () =>
        platform.agent('late', registrationToken === undefined ? {} : { registrationToken }),
      )
      words.add(refusal.message)
    }
    expect([...words]).toEqual(['registration needs an invite'])
  })

  test('the shared token admits new ids only: it takes no id over', async () => {
    const { platform } = await openByInvite()
    await using _ = platform
    await platform.agent('alpha', { registrationToken: SHARED })

    await expectRefusal(platform, 'already_exists', () => platform.agent('alpha', { registrationToken: SHARED }))
  })

  test('an agent that is registered needs no invite to update its card or to return, and uses none up', async () => {
    const { platform, ops } = await openByInvite()
    await using _ = platform
    const { inviteId, token } = await invite(ops, platform, 2)
    const { keys, api } = await platform.agent('alpha', { registrationToken: token })
    const register = (key: string) =>
      callAs(platform.deps, undefined, key).identity.register({
        ...applicationOf(platform.deps, { agentId: 'alpha', keys }),
        registrationToken: token,
      })

    expect((await register('same')).outcome).toBe('updated')
    await api.identity.deregister({})
    expect((await register('return')).status).toBe('active')
    const { invites } = await ops.api.operators.listInvites({})
    expect(invites).toMatchObject([{ inviteId, uses: 2, usesLeft: 1 }])
  })

  test('the id of an operator is not given for an invite', async () => {
    await using platform = await openTestPlatform(['--registration', 'invite', '--operator', 'ops', '--operator', 'second'], {
      AGENT_MARKETPLACE_REGISTRATION_TOKEN: SHARED,
    })
    const ops = await platform.agent('ops', { registrationToken: SHARED })
    const { token } = await invite(ops, platform)

    await expectRefusal(platform, 'forbidden', () => platform.agent('second', { registrationToken: token }))
    await platform.agent('second', { registrationToken: SHARED })
  })
})

test('where registration is open, the id of an operator still needs the shared token if there is one', async () => {
  await using platform = await openTestPlatform(['--operator', 'ops'], { AGENT_MARKETPLACE_REGISTRATION_TOKEN: SHARED })

  await expectRefusal(platform, 'forbidden', () => platform.agent('ops'))
  await platform.agent('ops', { registrationToken: SHARED })
  await platform.agent('alpha')
})

describe('an invite', () => {
  test('tells its token once and stores its hash only', async () => {
    const { platform, ops } = await openByInvite()
    await using _ = platform
    const input = { uses: 1, expiresAtMs: platform.deps.now() + HOUR_MS }
    const first = await ops.as('once').operators.createInvite(input)
    const again = await ops.as('once').operators.createInvite(input)

    const { token, ...rest } = first
    expect(token).toMatch(/^amk_inv_[0-9A-Za-z]{38}$/)
    expect(again).toEqual(rest)
    const secret = token?.slice('amk_inv_'.length) ?? 'none'
    for (const table of ['invites', 'idempotency']) {
      const rows = await platform.deps.db.read((reader) => reader.all(`SELECT * FROM ${table}`))
      expect(rows.length).toBeGreaterThan(0)
      for (const value of rows.flatMap((row) => Object.values(row)))
        expect(value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : String(value)).not.toContain(secret)
    }
  })

  test.each([0, -1, 365 * 24 * HOUR_MS + 1])('that would expire in %i ms is refused', async (inMs) => {
    const { platform, ops } = await openByInvite()
    await using _ = platform

    await expectRefusal(platform, 'invalid_input', () =>
      ops.api.operators.createInvite({ expiresAtMs: platform.deps.now() + inMs }),
    )
  })

  test('is revoked once', async () => {
    const { platform, ops } = await openByInvite()
    await using _ = platform
    const { inviteId } = await invite(ops, platform)

    expect(await ops.api.operators.revokeInvite({ inviteId })).toMatchObject({ inviteId, revokedAtMs: platform.deps.now() })
    await expectRefusal(platform, 'wrong_state', () => ops.api.operators.revokeInvite({ inviteId }))
    await expectRefusal(platform, 'not_found', () =>
      ops.api.operators.revokeInvite({ inviteId: 'inv_00000000000000000000000000' }),
    )
  })

  test('is listed newest first, page by page, until the sweep forgets it', async () => {
    const { platform, ops } = await openByInvite()
    await using _ = platform
    const made: string[] = []
    for (let i = 0; i < 5; i++) {
      platform.pass(1)
      made.unshift((await invite(ops, platform)).inviteId)
    }

    const listed: string[] = []
    let cursor: string | undefined
    do {
      const page = await ops.api.operators.listInvites({ limit: 2, cursor })
      listed.push(...page.invites.map(({ inviteId }) => inviteId))
      cursor = page.nextCursor
    } while (cursor)
    expect(listed).toEqual(made)

    platform.pass(HOUR_MS + 1)
    await sweepIdentity(platform.deps)
    const renewed = await platform.resume(ops)
    expect(await renewed.api.operators.listInvites({})).toEqual({ invites: [] })
  })
})

describe('where registration is by approval', () => {
  test('a newcomer waits: it reads, does nothing else, and is not discovered', async () => {
    const { platform, ops } = await openByApproval()
    await using _ = platform
    const waiting = await platform.agent('alpha')

    expect(await waiting.api.identity.whoami({})).toMatchObject({ status: 'pending' })
    expect(await waiting.api.settlement.balance({})).toEqual({ available: '0', held: '0' })
    await expectRefusal(platform, 'agent_pending', () => waiting.api.tasks.createTask({}))
    await expectRefusal(platform, 'agent_pending', () => waiting.api.heartbeat.beat({}))
    await expectRefusal(platform, 'agent_pending', () => waiting.api.identity.deregister({}))
    const { taskId } = await ops.api.tasks.createTask({})
    await expectRefusal(platform, 'wrong_state', () =>
      ops.api.tasks.assign({ taskId, assigneeAgentId: 'alpha', kind: 'execute' }),
    )
  })

  test('it learns that it still waits by registering again, and cannot change its card meanwhile', async () => {
    const { platform } = await openByApproval()
    await using _ = platform
    const { keys, api } = await platform.agent('alpha')
    const { card } = await api.identity.whoami({})
    const register = (key: string, more: object) =>
      callAs(platform.deps, undefined, key).identity.register(applicationOf(platform.deps, { agentId: 'alpha', keys, ...more }))

    expect(await register('same', {})).toEqual({ agentId: 'alpha', outcome: 'updated', status: 'pending' })
    await expectRefusal(platform, 'agent_pending', () => register('next', { seq: 2, previous: card, name: 'Another' }))
  })

  test('approval lets it act, is told to it, and is given once', async () => {
    const { platform, ops } = await openByApproval()
    await using _ = platform
    const newcomer = await platform.agent('alpha')

    expect(await ops.api.operators.approveAgent({ agentId: 'alpha' })).toEqual({
      agentId: 'alpha',
      status: 'active',
      trustTier: 2,
    })

    await newcomer.api.tasks.createTask({})
    const { events } = await newcomer.api.events.wait({})
    expect(events).toMatchObject([{ kind: 'agent.approved', agentId: 'alpha' }])
    const refusal = await expectRefusal(platform, 'wrong_state', () => ops.api.operators.approveAgent({ agentId: 'alpha' }))
    expect(refusal.message).toBe('the agent is active')
  })
})

describe('a suspended agent', () => {
  async function openWithSuspended() {
    const platform = await openTestPlatform(['--operator', 'ops'])
    const ops = await platform.agent('ops')
    const capabilities = [{ name: 'text.extract', maxConcurrency: 1 }]
    const agent = await platform.agent('alpha', { capabilities, credits: '9' })
    expect(await ops.api.operators.suspendAgent({ agentId: 'alpha' })).toMatchObject({ status: 'suspended' })
    return { platform, ops, agent }
  }

  test('keeps its money and its reads, and is told', async () => {
    const { platform, agent } = await openWithSuspended()
    await using _ = platform

    expect(await agent.api.settlement.balance({})).toEqual({ available: '9', held: '0' })
    expect((await agent.api.events.wait({})).events.at(-1)).toMatchObject({ kind: 'agent.suspended', agentId: 'alpha' })
    const renewed = await platform.resume(agent)
    expect((await renewed.api.identity.whoami({})).status).toBe('suspended')
  })

  test('is not discovered and not given work', async () => {
    const { platform, ops } = await openWithSuspended()
    await using _ = platform

    expect(await ops.api.discovery.discover({ capability: 'text.extract' })).toEqual({ candidates: [] })
    const { taskId } = await ops.api.tasks.createTask({})
    await expectRefusal(platform, 'wrong_state', () =>
      ops.api.tasks.assign({ taskId, assigneeAgentId: 'alpha', kind: 'execute' }),
    )
  })

  test('changes nothing, not even its card', async () => {
    const { platform, agent } = await openWithSuspended()
    await using _ = platform
    const { card } = await agent.api.identity.whoami({})
    const register = (more: object) =>
      callAs(platform.deps, undefined, `key${Object.keys(more).length}`).identity.register(
        applicationOf(platform.deps, { agentId: 'alpha', keys: agent.keys, ...more }),
      )

    await expectRefusal(platform, 'agent_suspended', () => agent.api.tasks.createTask({}))
    await expectRefusal(platform, 'agent_suspended', () => agent.api.identity.deregister({}))
    await expectRefusal(platform, 'agent_suspended', () => agent.api.heartbeat.beat({}))
    await expectRefusal(platform, 'agent_suspended', () => register({}))
    await expectRefusal(platform, 'agent_suspended', () => register({ seq: 2, previous: card }))
  })

  test('acts again when it is resumed', async () => {
    const { platform, ops, agent } = await openWithSuspended()
    await using _ = platform

    await expectRefusal(platform, 'wrong_state', () => ops.api.operators.suspendAgent({ agentId: 'alpha' }))
    expect(await ops.api.operators.resumeAgent({ agentId: 'alpha' })).toMatchObject({ status: 'active' })

    await agent.api.tasks.createTask({})
    await expectRefusal(platform, 'wrong_state', () => ops.api.operators.resumeAgent({ agentId: 'alpha' }))
  })

  test('is never an operator, nor one that is gone or unknown', async () => {
    const { platform, ops } = await openWithSuspended()
    await using _ = platform
    const gone = await platform.agent('gone')
    await gone.api.identity.deregister({})

    await expectRefusal(platform, 'forbidden', () => ops.api.operators.suspendAgent({ agentId: 'ops' }))
    await expectRefusal(platform, 'not_found', () => ops.api.operators.suspendAgent({ agentId: 'gone' }))
    await expectRefusal(platform, 'not_found', () => ops.api.operators.suspendAgent({ agentId: 'nobody' }))
  })
})

describe('the trust tier', () => {
  test('is set by an operator and limits what an agent may hold', async () => {
    await using platform = await openTestPlatform(['--operator', 'ops'])
    const ops = await platform.agent('ops')
    const agent = await platform.agent('alpha')

    expect(await ops.api.operators.setTrustTier({ agentId: 'alpha', trustTier: 3 })).toMatchObject({ trustTier: 3 })

    expect((await agent.api.identity.whoami({})).trustTier).toBe(3)
    const { taskId } = await ops.api.tasks.createTask({})
    await ops.api.tasks.assign({ taskId, assigneeAgentId: 'alpha', kind: 'execute' })
    await expectRefusal(platform, 'capacity_exceeded', () =>
      ops.api.tasks.assign({ taskId, assigneeAgentId: 'alpha', kind: 'execute' }),
    )
  })

  test('keeps an operator from inviting others while it is the lowest', async () => {
    await using platform = await openTestPlatform(['--operator', 'ops', '--operator', 'second'])
    const ops = await platform.agent('ops')
    const second = await platform.agent('second')
    await ops.api.operators.setTrustTier({ agentId: 'second', trustTier: 3 })

    await expectRefusal(platform, 'forbidden', () => invite(second, platform))
    await ops.api.operators.setTrustTier({ agentId: 'second', trustTier: 2 })
    expect((await invite(second, platform)).token).toMatch(/^amk_inv_/)
  })

  test('is nobody’s own to set', async () => {
    await using platform = await openTestPlatform(['--operator', 'ops'])
    const ops = await platform.agent('ops')

    await expectRefusal(platform, 'forbidden', () => ops.api.operators.setTrustTier({ agentId: 'ops', trustTier: 1 }))
  })
})

describe('the audit', () => {
  test.each(engines)('counts agents and adds up the ledger, on $name', async (engine) => {
    await using platform = await openTestPlatform(['--operator', 'ops', '--fee-bps', '1000'], {}, { engine })
    const ops = await platform.agent('ops', { credits: '100' })
    await platform.agent('alpha')
    const gone = await platform.agent('gone')
    await gone.api.identity.deregister({})
    const { taskId } = await ops.api.tasks.createTask({})
    await ops.api.tasks.assign({ taskId, assigneeAgentId: 'alpha', kind: 'execute', price: '30' })

    expect(await ops.api.operators.audit({})).toEqual({
      agents: { active: 2, pending: 0, suspended: 0, deregistered: 1 },
      ledger: { entries: 2, activeHolds: 1, outside: '100', available: '70', held: '30', fees: '0', broken: [] },
    })
  })

  test('is zero on an empty platform', async () => {
    await using platform = await openTestPlatform(['--operator', 'ops'])
    const ops = await platform.agent('ops')

    expect((await ops.api.operators.audit({})).ledger).toEqual({
      entries: 0,
      activeHolds: 0,
      outside: '0',
      available: '0',
      held: '0',
      fees: '0',
      broken: [],
    })
  })

  test.each([
    [`UPDATE accounts SET balance_micro = balance_micro + 1 WHERE account = 'available:ops'`, 'deposits_are_somewhere'],
    [`UPDATE holds SET state = 'released'`, 'held_money_is_in_holds'],
  ])('names the law that %s breaks', async (tamper, law) => {
    await using platform = await openTestPlatform(['--operator', 'ops'])
    const ops = await platform.agent('ops', { credits: '100' })
    await platform.agent('alpha')
    const { taskId } = await ops.api.tasks.createTask({})
    await ops.api.tasks.assign({ taskId, assigneeAgentId: 'alpha', kind: 'execute', price: '30' })

    await platform.deps.db.write((tx) => tx.run(tamper))

    expect((await ops.api.operators.audit({})).ledger.broken).toEqual([law])
  })
})

test('an operator credits another agent; nobody else does', async () => {
  await using platform = await openTestPlatform(['--operator', 'ops', '--deposits', 'operator'])
  const ops = await platform.agent('ops')
  const agent = await platform.agent('alpha')

  expect(await ops.api.settlement.deposit({ agentId: 'alpha', amount: '12' })).toMatchObject({ available: '12' })
  await expectRefusal(platform, 'forbidden', () => agent.api.settlement.deposit({ amount: '1' }))
  await expectRefusal(platform, 'forbidden', () => agent.api.settlement.deposit({ agentId: 'ops', amount: '1' }))
})
