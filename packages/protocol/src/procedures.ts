import { z } from 'zod'
import * as card from './agent-card.ts'
import * as assignment from './assignment.ts'
import * as discovery from './discovery.ts'
import * as event from './event.ts'
import * as heartbeat from './heartbeat.ts'
import * as ledger from './ledger.ts'
import * as operator from './operator.ts'
import * as relayToken from './relay-token.ts'
import { ServerInfo } from './server-info.ts'
import * as task from './task.ts'
import * as verdict from './verdict.ts'

/** Input of a call that needs none. */
export const NoInput = z.strictObject({})

/** `/trpc/<procedure>`, where the control plane answers. */
export const TRPC_PATH = '/trpc'

/** Header of a mutation's idempotency key, lower case. */
export const IDEMPOTENCY_HEADER = 'idempotency-key'

const query = <I extends z.ZodType, O extends z.ZodType>(input: I, output: O) =>
  ({ type: 'query', keyed: false, input, output }) as const
const mutation = <I extends z.ZodType, O extends z.ZodType>(input: I, output: O) =>
  ({ type: 'mutation', keyed: true, input, output }) as const
/** A mutation that is safe to repeat by its nature and takes no idempotency key. */
const unkeyed = <I extends z.ZodType, O extends z.ZodType>(input: I, output: O) =>
  ({ type: 'mutation', keyed: false, input, output }) as const

/** Every procedure of the control plane: its kind, whether it takes an idempotency key, and both schemas. */
export const procedures = {
  'server.info': query(NoInput, ServerInfo),

  'identity.register': mutation(card.RegisterInput, card.Registration),
  'identity.openSession': unkeyed(card.OpenSessionInput, card.OpenedSession),
  'identity.openRecovery': unkeyed(card.OpenRecoveryInput, card.OpenedRecovery),
  'identity.publishPrekey': mutation(card.PublishPrekeyInput, card.PublishedPrekey),
  'identity.whoami': query(NoInput, card.Whoami),
  'identity.listRotations': query(card.ListRotationsInput, card.Rotations),
  'identity.deregister': mutation(NoInput, card.Deregistration),

  'registry.declareCapabilities': mutation(discovery.DeclareCapabilitiesInput, discovery.DeclaredCapabilities),
  'heartbeat.beat': unkeyed(heartbeat.BeatInput, heartbeat.BeatReply),
  'discovery.discover': query(discovery.DiscoverInput, discovery.CandidatePage),
  'discovery.listAgents': query(discovery.ListAgentsInput, discovery.AgentPage),
  'discovery.getAgent': query(discovery.GetAgentInput, discovery.AgentDetail),

  'tasks.createTask': mutation(task.CreateTaskInput, task.TaskReceipt),
  'tasks.listTasks': query(ledger.PageInput, task.TaskPage),
  'tasks.getTask': query(task.GetTaskInput, task.TaskDetail),
  'tasks.completeTask': mutation(task.TaskInput, task.Task),
  'tasks.cancelTask': mutation(task.TaskInput, task.Task),
  'tasks.addParticipant': mutation(task.ParticipantInput, task.Participants),
  'tasks.removeParticipant': mutation(task.ParticipantInput, task.Participants),
  'tasks.createSession': mutation(task.TaskInput, task.Session),
  'tasks.closeSession': mutation(task.CloseSessionInput, task.Session),
  'tasks.assign': mutation(assignment.AssignInput, assignment.AssignReceipt),
  'tasks.listAssignments': query(assignment.ListAssignmentsInput, assignment.AssignmentPage),
  'tasks.getAssignment': query(assignment.AssignmentInput, assignment.AssignmentView),
  'tasks.listReviewAssignments': query(assignment.TargetInput, assignment.ReviewAssignments),
  'tasks.listOffers': query(assignment.ListOffersInput, assignment.OfferPage),
  'tasks.claimOffer': mutation(assignment.AssignmentInput, assignment.AssignmentView),
  'tasks.acceptAssignment': mutation(assignment.AssignmentInput, assignment.Assignment),
  'tasks.declineAssignment': mutation(assignment.AssignmentInput, assignment.Assignment),
  'tasks.renewLease': mutation(assignment.LeaseInput, assignment.Assignment),
  'tasks.completeAssignment': mutation(assignment.LeaseInput, assignment.Assignment),
  'tasks.approveAssignment': mutation(assignment.AssignmentInput, assignment.Assignment),
  'tasks.cancelAssignment': mutation(assignment.AssignmentInput, assignment.Assignment),
  'tasks.hold': mutation(ledger.HoldInput, ledger.Hold),
  'tasks.refund': mutation(ledger.RefundInput, ledger.Hold),

  'review.submitVerdict': mutation(verdict.SubmitVerdictInput, verdict.VerdictReceipt),
  'review.listVerdicts': query(assignment.AssignmentInput, verdict.Verdicts),
  'review.settle': mutation(assignment.AssignmentInput, verdict.SettleReceipt),

  'settlement.deposit': mutation(ledger.DepositInput, ledger.DepositReceipt),
  'settlement.balance': query(NoInput, ledger.Balance),
  'settlement.listHolds': query(ledger.ListHoldsInput, ledger.HoldPage),
  'settlement.listLedger': query(ledger.PageInput, ledger.LedgerPage),

  'events.wait': query(event.WaitInput, event.Events),

  'relayTokens.keys': query(NoInput, relayToken.RelayTokenKeys),
  'relayTokens.issue': mutation(relayToken.IssueRelayTokensInput, relayToken.IssuedRelayTokens),

  'operators.createInvite': mutation(operator.CreateInviteInput, operator.CreatedInvite),
  'operators.listInvites': query(ledger.PageInput, operator.InvitePage),
  'operators.revokeInvite': mutation(operator.InviteInput, operator.Invite),
  'operators.approveAgent': mutation(operator.AgentInput, operator.Standing),
  'operators.suspendAgent': mutation(operator.AgentInput, operator.Standing),
  'operators.resumeAgent': mutation(operator.AgentInput, operator.Standing),
  'operators.setTrustTier': mutation(operator.SetTrustTierInput, operator.Standing),
  'operators.audit': query(NoInput, operator.Audit),
} as const

export type ProcedureName = keyof typeof procedures
