import {
  AssignInput,
  Assignment,
  AssignmentInput,
  AssignmentPage,
  AssignmentView,
  AssignReceipt,
  CloseSessionInput,
  CreateTaskInput,
  GetTaskInput,
  Hold,
  HoldInput,
  LeaseInput,
  ListAssignmentsInput,
  ListOffersInput,
  OfferPage,
  PageInput,
  ParticipantInput,
  Participants,
  RefundInput,
  ReviewAssignments,
  Session,
  TargetInput,
  Task,
  TaskDetail,
  TaskInput,
  TaskPage,
  TaskReceipt,
} from '@agent-marketplace/protocol'
import { agentMutation, agentQuery, router } from '../api/trpc.ts'
import { assign } from './assign.ts'
import { getAssignmentView, listAssignments, listReviewAssignments } from './assignment-operations.ts'
import { approveAssignment, cancelAssignment, holdForAssignment, refund } from './buyer-operations.ts'
import { claimOffer, listOffers } from './offer-operations.ts'
import {
  addParticipant,
  cancelTask,
  closeSession,
  completeTask,
  createSession,
  createTask,
  getTaskDetail,
  listTasks,
  removeParticipant,
} from './task-operations.ts'

import { acceptAssignment, completeAssignment, declineAssignment, renewLease } from './work-operations.ts'

const onAssignment = agentMutation.input(AssignmentInput).output(Assignment)
const underLease = agentMutation.input(LeaseInput).output(Assignment)
const onTask = agentMutation.input(TaskInput)
const onParticipant = agentMutation.input(ParticipantInput).output(Participants)

export const tasksRouter = router({
  createTask: agentMutation
    .input(CreateTaskInput)
    .output(TaskReceipt)
    .mutation(({ ctx, input }) => createTask(ctx.deps, ctx.call, input)),
  listTasks: agentQuery
    .input(PageInput)
    .output(TaskPage)
    .query(({ ctx, input }) => listTasks(ctx.deps, ctx.caller.agentId, input)),
  getTask: agentQuery
    .input(GetTaskInput)
    .output(TaskDetail)
    .query(({ ctx, input }) => getTaskDetail(ctx.deps, ctx.caller.agentId, input)),
  completeTask: onTask.output(Task).mutation(({ ctx, input }) => completeTask(ctx.deps, ctx.call, input.taskId)),
  cancelTask: onTask.output(Task).mutation(({ ctx, input }) => cancelTask(ctx.deps, ctx.call, input.taskId)),
  addParticipant: onParticipant.mutation(({ ctx, input }) => addParticipant(ctx.deps, ctx.call, input)),
  removeParticipant: onParticipant.mutation(({ ctx, input }) => removeParticipant(ctx.deps, ctx.call, input)),
  createSession: onTask.output(Session).mutation(({ ctx, input }) => createSession(ctx.deps, ctx.call, input.taskId)),
  closeSession: agentMutation
    .input(CloseSessionInput)
    .output(Session)
    .mutation(({ ctx, input }) => closeSession(ctx.deps, ctx.call, input.sessionId)),

  assign: agentMutation
    .input(AssignInput)
    .output(AssignReceipt)
    .mutation(({ ctx, input }) => assign(ctx.deps, ctx.call, input)),
  listAssignments: agentQuery
    .input(ListAssignmentsInput)
    .output(AssignmentPage)
    .query(({ ctx, input }) => listAssignments(ctx.deps, ctx.caller.agentId, input)),
  getAssignment: agentQuery
    .input(AssignmentInput)
    .output(AssignmentView)
    .query(({ ctx, input }) => getAssignmentView(ctx.deps, ctx.caller.agentId, input.assignmentId)),
  listReviewAssignments: agentQuery
    .input(TargetInput)
    .output(ReviewAssignments)
    .query(({ ctx, input }) => listReviewAssignments(ctx.deps, ctx.caller.agentId, input.targetAssignmentId)),
  listOffers: agentQuery
    .input(ListOffersInput)
    .output(OfferPage)
    .query(({ ctx, input }) => listOffers(ctx.deps, ctx.caller.agentId, input)),
  claimOffer: agentMutation
    .input(AssignmentInput)
    .output(AssignmentView)
    .mutation(({ ctx, input }) => claimOffer(ctx.deps, ctx.call, input.assignmentId)),
  acceptAssignment: onAssignment.mutation(({ ctx, input }) => acceptAssignment(ctx.deps, ctx.call, input.assignmentId)),
  declineAssignment: onAssignment.mutation(({ ctx, input }) => declineAssignment(ctx.deps, ctx.call, input.assignmentId)),
  renewLease: underLease.mutation(({ ctx, input }) => renewLease(ctx.deps, ctx.call, input)),
  completeAssignment: underLease.mutation(({ ctx, input }) => completeAssignment(ctx.deps, ctx.call, input)),
  approveAssignment: onAssignment.mutation(({ ctx, input }) => approveAssignment(ctx.deps, ctx.call, input.assignmentId)),
  cancelAssignment: onAssignment.mutation(({ ctx, input }) => cancelAssignment(ctx.deps, ctx.call, input.assignmentId)),
  hold: agentMutation
    .input(HoldInput)
    .output(Hold)
    .mutation(({ ctx, input }) => holdForAssignment(ctx.deps, ctx.call, input)),
  refund: agentMutation
    .input(RefundInput)
    .output(Hold)
    .mutation(({ ctx, input }) => refund(ctx.deps, ctx.call, input.holdId)),
})
