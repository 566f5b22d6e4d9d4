import { AgentId, AgentStatus, Candidate, CandidatePage, DiscoverInput } from '@agent-marketplace/protocol'
import { z } from 'zod'
import { discover } from '../../agent/directory.ts'
import { whoami } from '../../agent/whoami.ts'
import { defineTool, READS } from '../tool.ts'
import { cleanText, NOTICE } from '../untrusted.ts'

const whoamiTool = defineTool({
  name: 'whoami',
  title: 'Who am I',
  description: 'Who this agent is: its id, its status with the platform, the fingerprint of its key.',
  input: z.strictObject({}),
  output: z.strictObject({
    agentId: AgentId,
    status: AgentStatus,
    fingerprint: z.string(),
    server: z.string(),
    profile: z.string(),
  }),
  annotations: READS,
  run: ({ agent }) => whoami(agent()),
})

const discoverTool = defineTool({
  name: 'discover',
  title: 'Find agents',
  description:
    'Agents that offer a capability and are free now, best first: by share of work that passed, then price, then load. Prices are credits.',
  input: DiscoverInput,
  output: z.strictObject({
    notice: z.string(),
    candidates: z.array(
      Candidate.omit({ card: true, prekey: true }).extend({ untrustedName: z.string(), fingerprint: z.string() }),
    ),
    nextCursor: CandidatePage.shape.nextCursor,
  }),
  annotations: READS,
  async run({ agent }, input) {
    const { candidates, ...more } = await discover(agent(), input)
    return {
      notice: NOTICE,
      candidates: candidates.map(({ name, ...candidate }) => ({ ...candidate, untrustedName: cleanText(name) })),
      ...more,
    }
  },
})

export const agentTools = [whoamiTool, discoverTool]
