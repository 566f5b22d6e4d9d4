import { type ErrorCode, type ProcedureName, procedures, relayTokenEpochAt, toBase64url } from '@agent-marketplace/protocol'
import { generateSigningKey } from '@agent-marketplace/protocol/signing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { applicationOf, registerWith } from '../../test/application.ts'
import { signedVerdict } from '../../test/jobs.ts'
import { proveKey, signPrekey } from '../../test/platform.ts'
import { expectRefusal } from '../../test/refusal.ts'
import { isMutation, makeWork, openScene, ROLES, type Role, type Scene, type Work } from '../../test/scene.ts'
import { appRouter } from './app-router.ts'

/** Who may call a procedure, with what, and what everybody else is told. Anonymous, deregistered and suspended callers are told the same everywhere. */
interface Rule {
  readonly input: (scene: Scene, role: Role) => unknown
  /** `public`: whoever. `agents`: every registered agent. Else the roles. */
  readonly may: 'public' | 'agents' | readonly Role[]
  /** What the roles that may not are told, where it is not the same for all. */
  readonly told?: Partial<Record<Role, ErrorCode>>
  /** What they are told: `not_found` unless it is said. */
  readonly else?: ErrorCode
}

const none = () => ({})
const newcomers = { count: 0 }
const hour = 3_600_000

/** The input of a call on a piece of work that has come so far. */
const onWork =
  (until: Parameters<typeof makeWork>[1], pick: (work: Work) => object) =>
  async (scene: Scene): Promise<object> =>
    pick(await makeWork(scene, until))
const workOf = ({ work: { assignmentId } }: Work) => ({ assignmentId })
const taskOf = ({ taskId }: Work) => ({ taskId })
const leaseOf = ({ work: { assignmentId, leaseEpoch } }: Work) => ({ assignmentId, leaseEpoch })

async function emptyTask({ actors: { buyer } }: Scene): Promise<{ taskId: string }> {
  return buyer.api.tasks.createTask({})
}

/** Work on offer to whoever can do it; made by the buyer, without a price. */
async function makeOffer({ actors: { buyer } }: Scene): Promise<{ assignmentId: string }> {
  const { taskId } = await buyer.api.tasks.createTask({})
  const { assignment } = await buyer.api.tasks.assign({ taskId, kind: 'execute', capability: 'text.extract' })
  return { assignmentId: assignment.assignmentId }
}

/** Work that its executor has handed in and that nobody reviews. */
async function submitUnreviewed({ actors: { buyer, executor } }: Scene): Promise<{ assignmentId: string }> {
  const { taskId } = await buyer.api.tasks.createTask({})
  const { assignment } = await buyer.api.tasks.assign({ taskId, kind: 'execute', assigneeAgentId: 'executor' })
  const { assignmentId } = assignment
  const { leaseEpoch } = await executor.api.tasks.acceptAssignment({ assignmentId })
  await executor.api.tasks.completeAssignment({ assignmentId, leaseEpoch })
  return { assignmentId }
}

async function makeVerdict(scene: Scene): Promise<object> {
  const { taskId, work, review } = await makeWork(scene, 'submitted')
  const { buyer, executor, reviewer } = scene.actors
  const job = { platform: scene.platform, buyer, executor, reviewers: [reviewer], taskId, workId: work.assignmentId }
  return signedVerdict({ ...job, reviewIds: [review.assignmentId] }, 0, { leaseEpoch: review.leaseEpoch })
}

/** An agent for operators to decide about. */
async function newAgent({ platform }: Scene): Promise<{ agentId: string }> {
  const { agentId } = await platform.agent(`newcomer-${++newcomers.count}`)
  return { agentId }
}

const RULES: Record<ProcedureName, Rule> = {
  'server.info': { input: none, may: 'public' },

  'identity.register': {
    input: ({ platform }) => applicationOf(platform.deps, { agentId: `newcomer-${++newcomers.count}` }),
    may: 'public',
  },
  'identity.openSession': {
    input: ({ platform: { deps }, actors: { stranger } }) =>
      proveKey(stranger.keys, { agentId: 'stranger', audience: deps.config.origin, nowMs: deps.now() }),
    may: 'public',
  },
  'identity.openRecovery': {
    input: async ({ platform }) => {
      const { deps } = platform
      const [agentId, recovery] = [`newcomer-${++newcomers.count}`, generateSigningKey()]
      await registerWith(platform, { agentId, recoveryKey: recovery.publicKey })
      const proof = proveKey(recovery, { agentId, audience: deps.config.origin, nowMs: deps.now() })
      return { proof, recoveryKey: toBase64url(recovery.publicKey) }
    },
    may: 'public',
  },
  'identity.publishPrekey': {
    input: ({ platform: { deps }, actors }, role) => {
      const { agentId, keys } = role === 'anonymous' ? { agentId: 'anonymous', keys: generateSigningKey() } : actors[role]
      return { prekey: signPrekey(keys, { agentId, nowMs: deps.now() }) }
    },
    may: 'agents',
  },
  'identity.whoami': { input: none, may: 'agents' },
  'identity.listRotations': { input: () => ({ agentId: 'executor' }), may: 'agents' },
  'identity.deregister': { input: none, may: 'agents' },

  'registry.declareCapabilities': {
    input: () => ({ capabilities: [{ name: 'text.extract', maxConcurrency: 100 }] }),
    may: 'agents',
  },
  'heartbeat.beat': { input: none, may: 'agents' },
  'discovery.discover': { input: () => ({ capability: 'text.extract' }), may: 'agents' },
  'discovery.listAgents': { input: none, may: 'agents' },
  'discovery.getAgent': { input: () => ({ agentId: 'executor' }), may: 'agents' },

  'tasks.createTask': { input: none, may: 'agents' },
  'tasks.listTasks': { input: none, may: 'agents' },
  'tasks.getTask': { input: onWork('working', taskOf), may: ['buyer'] },
  'tasks.completeTask': { input: emptyTask, may: ['buyer'] },
  'tasks.cancelTask': { input: onWork('assigned', taskOf), may: ['buyer'] },
  'tasks.addParticipant': {
    input: async (scene) => ({ ...(await emptyTask(scene)), participantAgentId: 'executor' }),
    may: ['buyer'],
  },
  'tasks.removeParticipant': {
    input: async (scene) => {
      const added = { ...(await emptyTask(scene)), participantAgentId: 'executor' }
      await scene.actors.buyer.api.tasks.addParticipant(added)
      return added
    },
    may: ['buyer'],
  },
  'tasks.createSession': { input: emptyTask, may: ['buyer'] },
  'tasks.closeSession': { input: onWork('assigned', ({ sessionId }) => ({ sessionId })), may: ['buyer'] },
  'tasks.assign': {
    input: async (scene) => ({ ...(await emptyTask(scene)), assigneeAgentId: 'executor', kind: 'execute' }),
    may: ['buyer'],
  },
  'tasks.listAssignments': { input: none, may: 'agents' },
  'tasks.getAssignment': { input: onWork('working', workOf), may: ['buyer', 'executor', 'reviewer'] },
  'tasks.listReviewAssignments': {
    input: onWork('working', ({ work }) => ({ targetAssignmentId: work.assignmentId })),
    may: ['buyer', 'executor', 'reviewer'],
  },
  'tasks.listOffers': { input: none, may: 'agents' },
  'tasks.claimOffer': { input: makeOffer, may: ['executor'] },
  'tasks.acceptAssignment': {
    input: onWork('assigned', workOf),
    may: ['executor'],
    told: { buyer: 'forbidden', reviewer: 'forbidden' },
  },
  'tasks.declineAssignment': {
    input: onWork('assigned', workOf),
    may: ['executor'],
    told: { buyer: 'forbidden', reviewer: 'forbidden' },
  },
  'tasks.renewLease': {
    input: onWork('working', leaseOf),
    may: ['executor'],
    told: { buyer: 'forbidden', reviewer: 'forbidden' },
  },
  'tasks.completeAssignment': {
    input: onWork('working', leaseOf),
    may: ['executor'],
    told: { buyer: 'forbidden', reviewer: 'forbidden' },
  },
  'tasks.approveAssignment': { input: submitUnreviewed, may: ['buyer'], told: { executor: 'forbidden' } },
  'tasks.cancelAssignment': {
    input: onWork('assigned', workOf),
    may: ['buyer'],
    told: { executor: 'forbidden', reviewer: 'forbidden' },
  },
  'tasks.hold': {
    input: async ({ actors: { buyer } }) => {
      const { taskId } = await buyer.api.tasks.createTask({})
      const given = { taskId, kind: 'execute', assigneeAgentId: 'executor', price: '1', fund: false } as const
      return { assignmentId: (await buyer.api.tasks.assign(given)).assignment.assignmentId }
    },
    may: ['buyer'],
    told: { executor: 'forbidden' },
  },
  'tasks.refund': {
    input: onWork('assigned', ({ workHoldId }) => ({ holdId: workHoldId })),
    may: ['buyer'],
    told: { executor: 'forbidden' },
  },

  'review.submitVerdict': { input: makeVerdict, may: ['reviewer'] },
  'review.listVerdicts': { input: onWork('submitted', workOf), may: ['buyer', 'executor', 'reviewer'] },
  'review.settle': { input: onWork('submitted', workOf), may: ['buyer', 'executor'] },

  'settlement.deposit': { input: () => ({ agentId: 'buyer', amount: '1' }), may: ['operator'], else: 'forbidden' },
  'settlement.balance': { input: none, may: 'agents' },
  'settlement.listHolds': { input: none, may: 'agents' },
  'settlement.listLedger': { input: none, may: 'agents' },

  'events.wait': { input: none, may: 'agents' },

  'relayTokens.keys': { input: none, may: 'public' },
  'relayTokens.issue': {
    input: ({ platform: { deps } }) => ({
      epoch: relayTokenEpochAt(deps.now()),
      class: 'message',
      blinded: [Buffer.alloc(256, 1).toString('base64url')],
    }),
    may: 'agents',
  },

  'operators.createInvite': {
    input: ({ platform }) => ({ expiresAtMs: platform.deps.now() + hour }),
    may: ['operator'],
    else: 'forbidden',
  },
  'operators.listInvites': { input: none, may: ['operator'], else: 'forbidden' },
  'operators.revokeInvite': {
    input: async ({ platform, actors: { operator } }) => {
      const { inviteId } = await operator.api.operators.createInvite({ expiresAtMs: platform.deps.now() + hour })
      return { inviteId }
    },
    may: ['operator'],
    else: 'forbidden',
  },
  'operators.approveAgent': {
    input: async (scene) => {
      const agent = await newAgent(scene)
      await scene.platform.deps.db.write((tx) =>
        tx.run(`UPDATE agents SET status = 'pending' WHERE agent_id = $1`, [agent.agentId]),
      )
      return agent
    },
    may: ['operator'],
    else: 'forbidden',
  },
  'operators.suspendAgent': { input: newAgent, may: ['operator'], else: 'forbidden' },
  'operators.resumeAgent': {
    input: async (scene) => {
      const agent = await newAgent(scene)
      await scene.actors.operator.api.operators.suspendAgent(agent)
      return agent
    },
    may: ['operator'],
    else: 'forbidden',
  },
  'operators.setTrustTier': {
    input: async (scene) => ({ ...(await newAgent(scene)), trustTier: 1 }),
    may: ['operator'],
    else: 'forbidden',
  },
  'operators.audit': { input: none, may: ['operator'], else: 'forbidden' },
}

/** What the table says: `ok` or a code. */
function expected(procedure: ProcedureName, role: Role): 'ok' | ErrorCode {
  const { may, told, else: rest = 'not_found' } = RULES[procedure]
  if (may === 'public') return 'ok'
  if (role === 'anonymous' || role === 'deregistered') return 'unauthenticated'
  if (role === 'suspended' && isMutation(procedure)) return 'agent_suspended'
  if (may === 'agents' || may.includes(role)) return 'ok'
  return told?.[role] ?? rest
}

const names = Object.keys(appRouter._def.procedures) as ProcedureName[]

test('every procedure has an access rule, and every rule a procedure', () => {
  expect(Object.keys(RULES).sort()).toEqual([...names].sort())
  expect(Object.keys(procedures).sort()).toEqual([...names].sort())
})

describe.each(names)('%s', (procedure) => {
  let scene: Scene
  beforeAll(async () => {
    scene = await openScene()
  })
  afterAll(() => scene[Symbol.asyncDispose]())

  test.each(ROLES.map((role) => ({ role, answer: expected(procedure, role) })))('$role: $answer', async ({ role, answer }) => {
    const input = await RULES[procedure].input(scene, role)

    if (answer === 'ok') await scene.call(role, procedure, input)
    else await expectRefusal(scene.platform, answer, () => scene.call(role, procedure, input))
  })
})
