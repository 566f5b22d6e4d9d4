import { AgentId, BasisPoints, Sum } from '@agent-marketplace/protocol'
import { z } from 'zod'

/** Where a page of candidates ended: rank, price, load and id, the order of the list. */
export const CandidateCursor = z.tuple([BasisPoints, Sum, z.int().min(0), AgentId])
export type CandidateCursor = z.infer<typeof CandidateCursor>

/** Where a page of the directory ended. */
export const AgentCursor = z.tuple([AgentId])
