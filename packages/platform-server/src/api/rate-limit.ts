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

/** One call that was counted. */
export interface Counted {
  /** What the `RateLimit` header of the answer says, whatever the answer is. */
  readonly quota: string
  /** `rate_limited`, for one call too many. */
  readonly refusal: Refusal | undefined
}

/** Counts calls and finds those that come too often. */
export interface RateLimits {
  takeForAgent(agentId: string, kind: AgentRate): Counted
  /** A call without a session. */
  takeForAddress(address: string): Counted
  /** A call with a session, which is not looked up while this address has had too many refused. */
  peekAtGuesser(address: string): Counted
  /** The session of a call was refused. */
  noteRejected(address: string): void
}

/** @param monotonic - A clock that only goes forward: one that was set back would keep empty buckets empty for as long. */
export function createRateLimits(monotonic: () => number): RateLimits {
  const rates = { ...AGENT_RATES, ...ADDRESS_RATES }
  const make = (name: RateName) => ({ name, buckets: new TokenBuckets(rates[name], BUCKETS_MAX) })
  const agents = { read: make('read'), mutation: make('mutation'), beat: make('beat') }
  const anonymous = make('anonymous')
  const rejected = make('rejected')
  const take = ({ name, buckets }: ReturnType<typeof make>, key: string) => describe(name, buckets.take(key, monotonic()))
  return {
    takeForAgent: (agentId, kind) => take(agents[kind], agentId),
    takeForAddress: (address) => take(anonymous, address),
    peekAtGuesser: (address) => describe('rejected', rejected.buckets.peek(address, monotonic())),
    noteRejected: (address) => void rejected.buckets.take(address, monotonic()),
  }
}

function describe(name: RateName, { isAllowed, remaining, retryAfterMs, resetMs }: Taken): Counted {
  return {
    quota: `"${name}";r=${remaining};t=${Math.ceil(resetMs / 1_000)}`,
    refusal: isAllowed ? undefined : new Refusal('rate_limited', `too many calls (${name})`, { retryAfterMs }),
  }
}
