import {
  type Capability,
  type IdPrefix,
  PREKEY_LIFETIME_MS,
  prekeyBytes,
  type SessionProof,
  type SignedCard,
  type SignedPrekey,
  sessionProofBytes,
  toBase64url,
} from '@agent-marketplace/protocol'
import { generateSigningKey, sha256, sign } from '@agent-marketplace/protocol/signing'
import { encodeTime } from 'ulid'
import { appRouter } from '../src/api/app-router.ts'
import { parseConfig } from '../src/config.ts'
import { createDeps, type Deps } from '../src/deps.ts'
import { createLog } from '../src/log.ts'
import { newId } from '../src/new-id.ts'
import { loadInstanceId } from '../src/storage/installation.ts'
import { openControlDatabase } from '../src/storage/open.ts'
import { type Engine, sqlite } from './place.ts'

/** A moment to start from: every test has a clock of its own. */
const START_MS = Date.UTC(2026, 0, 1)

/** A platform without a transport, over a real database, with a clock that stands until it is moved. */
export interface TestPlatform extends AsyncDisposable {
  readonly deps: Deps
  readonly directory: string
  /** Move the clock. */
  pass(ms: number): void
  /** A registered agent with its keys; one that is approved beats. */
  agent(agentId: string, options?: AgentOptions): Promise<TestAgent>
  /** The same agent in a new session. */
  resume(agent: Pick<TestAgent, 'agentId' | 'keys'>): Promise<TestAgent>
}

export interface AgentOptions {
  readonly capabilities?: Capability[]
  readonly credits?: string
  readonly registrationToken?: string
}

export type Api = ReturnType<typeof appRouter.createCaller>

export interface TestAgent {
  readonly agentId: string
  readonly keys: ReturnType<typeof generateSigningKey>
  /** The token of its session. */
  readonly token: string
  /** Calls in this agent's name; every mutation carries a fresh idempotency key unless one is given. */
  readonly api: Api
  as(idempotencyKey: string): Api
}

const TIME_CHARS = 10
let lastIdAtMs = 0

/** An id as the platform makes them, but later than all before it: those of one millisecond would be in any order. */
function idInOrder(prefix: IdPrefix): string {
  lastIdAtMs = Math.max(lastIdAtMs + 1, Date.now())
  const time = `${prefix}_`.length
  const id = newId(prefix)
  return id.slice(0, time) + encodeTime(lastIdAtMs, TIME_CHARS).toLowerCase() + id.slice(time + TIME_CHARS)
}

/**
 * @param engine - One of `engines` for a test that runs on both; its own SQLite file unless it says otherwise.
 * @param ids - Makes the platform's ids, for a test that needs the same ones again; else each is later than those before it.
 */
export async function openTestPlatform(
  args: readonly string[] = [],
  env: Record<string, string> = {},
  { engine = sqlite, ids = idInOrder }: { engine?: Engine; ids?: Deps['newId'] } = {},
): Promise<TestPlatform> {
  const place = await engine.open()
  const { directory, database } = place
  const { config } = parseConfig(['--data', directory, ...args], env)
  let nowMs = START_MS
  const db = await openControlDatabase({ directory, create: true, database })
  const instanceId = await loadInstanceId(db, nowMs)
  const deps = createDeps({ db, config, log: createLog('silent'), instanceId, now: () => nowMs, newId: ids })
  return {
    deps,
    directory,
    pass: (ms) => {
      nowMs += ms
    },
    agent: (agentId, options) => registerAgent(deps, agentId, options),
    resume: (agent) => openSessionOf(deps, agent),
    [Symbol.asyncDispose]: async () => {
      await db.close()
      await place[Symbol.asyncDispose]()
    },
  }
}

/** Call procedures as somebody with this session token, or as nobody. */
export function callAs(deps: Deps, token?: string, idempotencyKey?: string): Api {
  const request = { requestId: 'test', token, idempotencyKey, signal: new AbortController().signal }
  return appRouter.createCaller({ deps, request })
}

async function registerAgent(
  deps: Deps,
  agentId: string,
  { capabilities = [], credits, registrationToken }: AgentOptions = {},
): Promise<TestAgent> {
  const keys = generateSigningKey()
  const { status } = await callAs(deps, undefined, newId('evt')).identity.register({
    card: signCard(keys, { agentId, nowMs: deps.now() }),
    proof: proveKey(keys, { agentId, audience: deps.config.origin, nowMs: deps.now() }),
    prekey: signPrekey(keys, { agentId, nowMs: deps.now() }),
    registrationToken,
  })
  const agent = await openSessionOf(deps, { agentId, keys })
  if (capabilities.length > 0) await agent.api.registry.declareCapabilities({ capabilities })
  if (status === 'active') await agent.api.heartbeat.beat({})
  if (credits) await agent.api.settlement.deposit({ amount: credits })
  return agent
}

async function openSessionOf(deps: Deps, { agentId, keys }: Pick<TestAgent, 'agentId' | 'keys'>): Promise<TestAgent> {
  const proof = proveKey(keys, { agentId, audience: deps.config.origin, nowMs: deps.now() })
  const { token } = await callAs(deps).identity.openSession(proof)
  return {
    agentId,
    keys,
    token,
    as: (key) => callAs(deps, token, key),
    get api() {
      return callAs(deps, token, newId('evt'))
    },
  }
}

/** The first card of an agent, or the one after `previous`. */
export function signCard(
  keys: TestAgent['keys'],
  {
    agentId,
    nowMs,
    name = agentId,
    seq = 1,
    previous,
  }: { agentId: string; nowMs: number; name?: string; seq?: number; previous?: SignedCard },
): SignedCard {
  const card = {
    v: 1,
    agentId,
    seq,
    signKey: toBase64url(keys.publicKey),
    recoveryKeyHash: toBase64url(sha256(keys.publicKey)),
    name,
    status: 'active',
    issuedAtMs: nowMs,
    ...(previous && { previous: toBase64url(sha256(Buffer.from(previous.cardBytes, 'base64url'))) }),
  }
  const bytes = new TextEncoder().encode(JSON.stringify(card))
  return { cardBytes: toBase64url(bytes), signature: toBase64url(sign('card', bytes, keys.secretKey)) }
}

export function signPrekey(keys: TestAgent['keys'], { agentId, nowMs }: { agentId: string; nowMs: number }): SignedPrekey {
  const prekey = {
    agentId,
    prekey: toBase64url(sha256(keys.publicKey)),
    issuedAtMs: nowMs,
    expiresAtMs: nowMs + PREKEY_LIFETIME_MS,
  }
  return { ...prekey, signature: toBase64url(sign('prekey', prekeyBytes(prekey), keys.secretKey)) }
}

let proofs = 0

export function proveKey(
  keys: TestAgent['keys'],
  { agentId, audience, nowMs }: { agentId: string; audience: string; nowMs: number },
): SessionProof {
  const nonce = toBase64url(sha256(new TextEncoder().encode(`${agentId} ${++proofs}`)).subarray(0, 16))
  const proof = { agentId, audience, issuedAtMs: nowMs, nonce }
  return { ...proof, signature: toBase64url(sign('session', sessionProofBytes(proof), keys.secretKey)) }
}
