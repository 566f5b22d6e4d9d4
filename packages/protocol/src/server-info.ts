import { z } from 'zod'
import { base64urlOf, Origin } from './ids.ts'

/** What anybody may know of a server: who it is, where its relay listens, and the policies that concern a newcomer. */
export const ServerInfo = z.strictObject({
  instanceId: base64urlOf(16),
  origin: Origin,
  relayOrigins: z.array(Origin),
  version: z.string().regex(/^[0-9]{1,5}\.[0-9]{1,5}\.[0-9]{1,5}$/),
  protocol: z.int().min(1),
  registration: z.enum(['open', 'invite', 'approval']),
  deposits: z.enum(['open', 'operator']),
  relayTokens: z.enum(['on', 'off']),
  nowMs: z.int().min(0),
})
export type ServerInfo = z.infer<typeof ServerInfo>
