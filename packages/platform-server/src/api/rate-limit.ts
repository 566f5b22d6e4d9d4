import {
  BEATS_PER_MINUTE,
  MUTATIONS_BURST,
  MUTATIONS_PER_MINUTE,
  READS_PER_MINUTE,
  UNAUTHENTICATED_PER_MINUTE,
} from '@agent-marketplace/protocol'
import { Refusal } from '../errors.ts'
import { type Rate, type Taken, TokenBuckets } from './token-buckets.ts'

const steady = (perMinute: number): Rate => ({ perMinute, burst: perMinute })

/** What is counted for an agent. */
const AGENT_RATES = {
  read: steady(READS_PER_MINUTE),
  mutation: { perMinute: MUTATIONS_PER_MINUTE, burst: MUTATIONS_BURST },
  beat: steady(BEATS_PER_MINUTE),
} as const satisfies Record<string, Rate>

/** What is counted for a network address: calls without a session, and sessions that were refused. */
const ADDRESS_RATES = { anonymous: steady(UNAUTHENTICATED_PER_MINUTE), rejected: steady(UNAUTHENTICATED_PER_MINUTE) } as const

export type AgentRate = keyof typeof AGENT_RATES
type RateName = AgentRate | keyof typeof ADDRESS_RATES

/** Of each rate, at most so many agents or addresses are remembered: some 10 MB. */
const BUCKETS_MAX = 100_000

/** Counts calls and refuses those that come too often. What it returns is the `RateLimit` header of the reply. */
export interface RateLimits {
  /** @throws Refusal `rate_limited`. */
  takeForAgent(agentId: string, kind: AgentRate): string
  /** A call without a session. @throws Refusal `rate_limited`. */
  takeForAddress(address: string): string
  /** A call with a session, which is not looked up while this address has had too many refused. @throws Refusal `rate_limited`. */
  refuseGuesser(address: string): void
  /** The session of a call was refused. */
  noteRejected(address: string): void
}

export function createRateLimits(now: () => number): RateLimits {
  const rates = { ...AGENT_RATES, ...ADDRESS_RATES }
  const make = (name: RateName) => ({ name, buckets: new TokenBuckets(rates[name], BUCKETS_MAX) })
  const agents = { read: make('read'), mutation: make('mutation'), beat: make('beat') }
  const anonymous = make('anonymous')
  const rejected = make('rejected')
  const take = ({ name, buckets }: ReturnType<typeof make>, key: string) => allow(name, buckets.take(key, now()))
  return {
    takeForAgent: (agentId, kind) => take(agents[kind], agentId),
    takeForAddress: (address) => take(anonymous, address),
    refuseGuesser: (address) => void allow('rejected', rejected.buckets.peek(address, now())),
    noteRejected: (address) => void rejected.buckets.take(address, now()),
  }
}

function allow(name: RateName, { isAllowed, remaining, retryAfterMs, resetMs }: Taken): string {
  if (!isAllowed) throw new Refusal('rate_limited', `too many calls (${name})`, { retryAfterMs })
  return `"${name}";r=${remaining};t=${Math.ceil(resetMs / 1_000)}`
}
