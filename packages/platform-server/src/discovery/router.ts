import { AgentDetail, AgentPage, CandidatePage, DiscoverInput, GetAgentInput, ListAgentsInput } from '@agent-marketplace/protocol'
import { agentQuery, router } from '../api/trpc.ts'
import { discover, getAgentDetail, listAgents } from './operations.ts'

export const discoveryRouter = router({
  discover: agentQuery
    .input(DiscoverInput)
    .output(CandidatePage)
    .query(({ ctx, input }) => discover(ctx.deps, ctx.caller.agentId, input)),
  listAgents: agentQuery
    .input(ListAgentsInput)
    .output(AgentPage)
    .query(({ ctx, input }) => listAgents(ctx.deps, input)),
  getAgent: agentQuery
    .input(GetAgentInput)
    .output(AgentDetail)
    .query(({ ctx, input }) => getAgentDetail(ctx.deps, input.agentId)),
})
