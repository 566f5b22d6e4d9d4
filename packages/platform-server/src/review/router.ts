import { AssignmentInput, SettleReceipt, SubmitVerdictInput, VerdictReceipt, Verdicts } from '@agent-marketplace/protocol'
import { agentMutation, agentQuery, router } from '../api/trpc.ts'
import { listVerdicts, settleAssignment, submitVerdict } from './operations.ts'

export const reviewRouter = router({
  submitVerdict: agentMutation
    .input(SubmitVerdictInput)
    .output(VerdictReceipt)
    .mutation(({ ctx, input }) => submitVerdict(ctx.deps, ctx.call, input)),
  listVerdicts: agentQuery
    .input(AssignmentInput)
    .output(Verdicts)
    .query(({ ctx, input }) => listVerdicts(ctx.deps, ctx.caller.agentId, input.assignmentId)),
  settle: agentMutation
    .input(AssignmentInput)
    .output(SettleReceipt)
    .mutation(({ ctx, input }) => settleAssignment(ctx.deps, ctx.call, input.assignmentId)),
})
