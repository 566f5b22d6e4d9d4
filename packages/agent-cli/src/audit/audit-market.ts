import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Agent, type AgentOptions, openAgent } from '../agent/agent.ts'
import { beat } from '../agent/beat.ts'
import { mutate } from '../agent/call.ts'
import { CliError } from '../agent/cli-error.ts'
import { receiveDrops } from '../agent/receive-drops.ts'
import { registerAgent } from '../agent/register-agent.ts'

/** A capability nobody else is likely to offer: the audit is nobody's competition. */
export const AUDIT_CAPABILITY = 'privacy.audit'
const PRICE = '1'
const ARRIVES_WITHIN_MS = 60_000

/** Three agents that exist for one audit, on a home that is removed after it. */
export interface AuditMarket extends AsyncDisposable {
  readonly buyer: Agent
  readonly executor: Agent
  readonly reviewer: Agent
  readonly directory: string
  /** What work is paid with; `undefined` where this server gives no test credits. */
  readonly price: string | undefined
}

/**
 * Register the agents of an audit.
 *
 * @throws CliError `wrong_state` where newcomers wait for approval; as `registerAgent`.
 */
export async function openAuditMarket(
  options: AgentOptions,
  { registrationToken }: { registrationToken?: string | undefined },
): Promise<AuditMarket> {
  const directory = await mkdtemp(join(tmpdir(), 'privacy-audit-'))
  const run = randomBytes(5).toString('hex')
  const joined: Agent[] = []

  async function enter(role: string, capabilities: string[]): Promise<Agent> {
    const profile = { name: role, directory: join(directory, 'profiles', role) }
    const own = { ...options, profile }
    const { status } = await registerAgent(own, { agentId: `audit-${run}-${role}`, capabilities, registrationToken })
    const agent = openAgent(own)
    joined.push(agent)
    if (status !== 'active')
      throw new CliError('wrong_state', 'newcomers wait for approval on this server: an audit needs three agents at once', {
        hint: 'run it against a server of your own with open registration, or with an invite',
      })
    await beat(agent, {})
    return agent
  }

  async function leave(): Promise<void> {
    for (const agent of joined) {
      await mutate(agent, 'identity.deregister', {}).catch(() => undefined)
      agent.vault.close()
    }
    await rm(directory, { recursive: true, force: true })
  }

  try {
    const buyer = await enter('buyer', [])
    const executor = await enter('executor', [`${AUDIT_CAPABILITY}:4:${PRICE}`])
    const reviewer = await enter('reviewer', [`${AUDIT_CAPABILITY}:4:${PRICE}`])
    return { buyer, executor, reviewer, directory, price: await depositIfOpen(buyer), [Symbol.asyncDispose]: leave }
  } catch (error) {
    await leave()
    throw error
  }
}

async function depositIfOpen(buyer: Agent): Promise<string | undefined> {
  try {
    await mutate(buyer, 'settlement.deposit', { amount: '10' })
    return PRICE
  } catch (error) {
    if (error instanceof CliError && error.code === 'forbidden') return undefined
    throw error
  }
}

/** Receive until something is there. @throws CliError `unavailable` after a minute. */
export async function receiveUntil<T>(agent: Agent, find: () => T | undefined, signal?: AbortSignal): Promise<T> {
  for (const endMs = performance.now() + ARRIVES_WITHIN_MS; performance.now() < endMs; ) {
    const found = find()
    if (found !== undefined) return found
    await receiveDrops(agent, { waitS: 2, signal })
  }
  throw new CliError('unavailable', 'a sealed document has not arrived within a minute')
}
