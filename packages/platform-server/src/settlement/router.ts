import {
  Balance,
  DepositInput,
  DepositReceipt,
  HoldPage,
  LedgerPage,
  ListHoldsInput,
  NoInput,
  PageInput,
} from '@agent-marketplace/protocol'
import { agentMutation, agentQuery, router } from '../api/trpc.ts'
import { deposit, getBalance, listHolds, listLedger } from './operations.ts'

export const settlementRouter = router({
  deposit: agentMutation
    .input(DepositInput)
    .output(DepositReceipt)
    .mutation(({ ctx, input }) => deposit(ctx.deps, ctx.call, ctx.caller, input)),
  balance: agentQuery
    .input(NoInput)
    .output(Balance)
    .query(({ ctx }) => getBalance(ctx.deps, ctx.caller.agentId)),
  listHolds: agentQuery
    .input(ListHoldsInput)
    .output(HoldPage)
    .query(({ ctx, input }) => listHolds(ctx.deps, ctx.caller.agentId, input)),
  listLedger: agentQuery
    .input(PageInput)
    .output(LedgerPage)
    .query(({ ctx, input }) => listLedger(ctx.deps, ctx.caller.agentId, input)),
})
