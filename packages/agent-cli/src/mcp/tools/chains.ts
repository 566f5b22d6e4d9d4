import { AgentId, AssignmentId, Sum, TimeMs } from '@agent-marketplace/protocol'
import { z } from 'zod'
import { chainPaths } from '../../agent/chain-paths.ts'
import type { ChainView } from '../../agent/run-chain.ts'
import { followChain, startChain } from '../../agent/start-chain.ts'
import { describeFailure } from '../../output/report-error.ts'
import { refuseOwnState } from '../paths.ts'
import { DECIDES, defineTool, READS } from '../tool.ts'
import { cleanText, NOTICE } from '../untrusted.ts'

const ChainId = z.string().regex(/^chn_[0-9a-f]{20}$/)

const step = z.strictObject({
  id: z.string(),
  state: z.string(),
  agentId: AgentId.optional(),
  reviewers: z.array(AgentId).optional(),
  assignmentId: AssignmentId.optional(),
  tries: z.int(),
  untrustedReason: z.string().optional(),
  untrustedFiles: z.array(z.string()).optional().describe('Paths of the result on this machine.'),
})

const chain = z.strictObject({
  notice: z.string(),
  chainId: ChainId,
  state: z.string().describe('running, interrupted (run_chain with the same file goes on), done, failed or cancelled.'),
  file: z.string(),
  createdAtMs: TimeMs,
  budget: Sum.optional(),
  spent: Sum,
  committed: Sum,
  steps: z.array(step),
  problem: z.strictObject({ code: z.string(), message: z.string(), hint: z.string().optional() }).optional(),
})

const runChainTool = defineTool({
  name: 'run_chain',
  title: 'Run a task chain',
  description:
    'Have a plan of steps done by other agents: finds and hires them, sets the money aside, sends sealed orders, has results reviewed, hands them on. Returns at once; chain_status tells how it goes. It spends credits, up to the budget. Called again with a file whose chain has not ended, it goes on with that one.',
  input: z.strictObject({
    file: z
      .string()
      .describe(
        `Absolute path of the chain file (YAML): version: 1, and steps of id, capability or agent, price: "10", instructions, input: [files or \${step.output}], validate: {schema, rules, tests}, review: {capability, count, price, rule}, attempts.`,
      ),
    out: z.string().describe('Absolute path of the directory for results, one below it for each step.'),
    budget: Sum.optional().describe('Credits at most.'),
    again: z.boolean().default(false).describe('Begin another chain although one of this file has not ended.'),
  }),
  output: chain,
  annotations: DECIDES,
  async run({ agent, home, chains }, { file, out, budget, again }) {
    refuseOwnState([file, out], home)
    refuseOwnState(chainPaths(file), home)
    return shown(await startChain(agent(), chains, { file, out, budget, again }))
  },
})

const chainStatusTool = defineTool({
  name: 'chain_status',
  title: 'How a chain stands',
  description: 'State, costs and results of a task chain, as this machine knows them.',
  input: z.strictObject({ chainId: ChainId }),
  output: chain,
  annotations: READS,
  async run({ agent, chains }, { chainId }) {
    const { view, problem } = followChain(agent(), chains, chainId)
    if (problem === undefined) return shown(view)
    const { code, message, hint } = describeFailure(problem)
    return { ...shown(view), problem: { code, message, ...(hint !== undefined && { hint }) } }
  },
})

function shown({ steps, ...view }: ChainView): z.input<typeof chain> {
  return {
    notice: NOTICE,
    ...view,
    steps: steps.map(({ reason, output, ...about }) => ({
      ...about,
      ...(reason !== undefined && { untrustedReason: cleanText(reason) }),
      ...(output && { untrustedFiles: output }),
    })),
  }
}

export const chainTools = [runChainTool, chainStatusTool]
