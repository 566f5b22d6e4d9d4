import { z } from 'zod'
import { AgentStatus, Contact, SignedCard, SignedPrekey } from './agent-card.ts'
import { AgentId, CapabilityName, Cursor } from './ids.ts'
import { Amount } from './ledger.ts'
import { BASIS_POINTS, CAPABILITIES_MAX, CONCURRENCY_MAX, PAGE_DEFAULT, PAGE_MAX } from './limits.ts'

export const Capability = z.strictObject({
  name: CapabilityName,
  maxConcurrency: z.int().min(1).max(CONCURRENCY_MAX),
  price: Amount.optional(),
})
export type Capability = z.infer<typeof Capability>

export const DeclareCapabilitiesInput = z.strictObject({
  capabilities: z
    .array(Capability)
    .min(1)
    .max(CAPABILITIES_MAX)
    .refine((list) => new Set(list.map((each) => each.name)).size === list.length, 'unique names'),
})
export const DeclaredCapabilities = z.strictObject({ agentId: AgentId, capabilities: z.array(Capability) })

/** A share in basis points, 0–10000. */
export const BasisPoints = z.int().min(0).max(BASIS_POINTS)

export const DiscoverInput = z.strictObject({
  capability: CapabilityName,
  limit: z.int().min(0).max(PAGE_MAX).default(PAGE_DEFAULT),
  includeBusy: z.boolean().default(false),
  maxPrice: Amount.optional(),
  minReputation: BasisPoints.optional(),
  cursor: Cursor.optional(),
})
export type DiscoverInput = z.infer<typeof DiscoverInput>

export const Candidate = Contact.extend({
  capability: CapabilityName,
  price: Amount.optional(),
  load: z.int().min(0),
  maxConcurrency: z.int().min(1),
  /** Share of decided work that passed; absent until some work was decided. */
  reputation: BasisPoints.optional(),
})
export type Candidate = z.infer<typeof Candidate>
export const CandidatePage = z.strictObject({ candidates: z.array(Candidate), nextCursor: Cursor.optional() })

export const ListAgentsInput = z.strictObject({
  aliveOnly: z.boolean().default(false),
  includeDeregistered: z.boolean().default(false),
  limit: z.int().min(0).max(PAGE_MAX).default(PAGE_DEFAULT),
  cursor: Cursor.optional(),
})
export const GetAgentInput = z.strictObject({ agentId: AgentId })

const agentSummary = {
  agentId: AgentId,
  status: AgentStatus,
  alive: z.boolean(),
  busy: z.boolean(),
  capabilities: z.array(Capability),
  card: SignedCard,
}
export const AgentSummary = z.strictObject(agentSummary)
export type AgentSummary = z.infer<typeof AgentSummary>
export const AgentDetail = z.strictObject({ ...agentSummary, prekey: SignedPrekey.optional() })
export type AgentDetail = z.infer<typeof AgentDetail>
export const AgentPage = z.strictObject({ agents: z.array(AgentSummary), nextCursor: Cursor.optional() })
