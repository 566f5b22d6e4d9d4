import { toBase64url, type Verdict } from '@agent-marketplace/protocol'
import { isSignedVerdict, openRotation } from '@agent-marketplace/protocol/statements'
import { listFormerKeys } from '../private/former-keys.ts'
import type { Agent } from './agent.ts'
import { query } from './call.ts'
import { CliError } from './cli-error.ts'
import { resolveCard } from './resolve-contact.ts'

/**
 * The verdicts on an assignment, each checked against the key of its reviewer: the pinned one, or one it had before.
 *
 * @throws CliError `key_changed` for a verdict that its reviewer did not sign: whoever handed it out made it up.
 */
export async function listVerdicts(agent: Agent, assignmentId: string): Promise<{ verdicts: Verdict[] }> {
  const { verdicts } = await query(agent, 'review.listVerdicts', { assignmentId })
  for (const verdict of verdicts) {
    if (!(await isGenuine(agent, verdict)))
      throw new CliError('key_changed', `a verdict is shown that ${verdict.reviewerId} did not sign`, {
        hint: 'the platform made it up, or shows another key of the reviewer',
      })
  }
  return { verdicts }
}

async function isGenuine(agent: Agent, verdict: Verdict): Promise<boolean> {
  const { reviewerId } = verdict
  const own = reviewerId === agent.agentId ? toBase64url((await agent.identity()).signKey.publicKey) : undefined
  const signKey = own ?? toBase64url((await resolveCard(agent, reviewerId)).signKey)
  if (isSignedVerdict(verdict, signKey)) return true
  const known = listFormerKeys(agent.vault, reviewerId).map((former) => toBase64url(former.signKey))
  const keys = known.length > 0 ? known : await earlierKeys(agent, reviewerId, signKey)
  return keys.some((key) => isSignedVerdict(verdict, key))
}

/** The keys that led to this one, back to the first: every card under a new key names the one before it by its hash. */
async function earlierKeys(agent: Agent, agentId: string, signKey: string): Promise<string[]> {
  const { rotations } = await query(agent, 'identity.listRotations', { agentId })
  const keys: string[] = []
  for (const rotation of rotations.reverse()) {
    const change = openRotation(rotation)
    if (change?.to.agentId !== agentId || change.to.signKey !== (keys.at(-1) ?? signKey)) break
    keys.push(change.from.signKey)
  }
  return keys
}
