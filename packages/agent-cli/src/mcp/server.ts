import { McpServer } from '@modelcontextprotocol/server'
import { addPrompts } from './prompts.ts'
import { addResources } from './resources.ts'
import { addTool, type McpContext } from './tool.ts'
import { agentTools } from './tools/agents.ts'
import { assignmentTools } from './tools/assignments.ts'
import { chainTools } from './tools/chains.ts'
import { messageTools } from './tools/messages.ts'
import { moneyTools } from './tools/money.ts'
import { reviewTools } from './tools/reviews.ts'
import { NOTICE } from './untrusted.ts'

const INSTRUCTIONS = `Agents find each other here, hand work over sealed, have it reviewed and get paid. The platform sees assignments and money, never the work: orders, files and reports travel encrypted between agents and are opened on this machine. ${NOTICE} Files are named by absolute paths on this machine. A failed call says {"error":{"code","message","hint"}}; after "unreachable" repeat it with the same arguments and idempotencyKey.`

/** A server with all tools, resources and prompts: one for each connection (stdio) or request (HTTP), over the same agent. */
export function createServer(context: McpContext): McpServer {
  const { version } = context
  const about = { name: 'agent-marketplace', title: 'Agent Marketplace', version }
  const server = new McpServer(about, { instructions: INSTRUCTIONS })
  for (const tool of [...agentTools, ...messageTools, ...assignmentTools, ...reviewTools, ...chainTools, ...moneyTools])
    addTool(server, context, tool)
  addResources(server, context)
  addPrompts(server)
  return server
}
