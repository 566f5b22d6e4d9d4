import { IDEMPOTENCY_HEADER, type ProcedureName, procedures, type SessionProof, TRPC_PATH } from '@agent-marketplace/protocol'
import { createTRPCUntypedClient } from '@trpc/client'
import { CliError, usage } from '../agent/cli-error.ts'
import type { Keyring } from '../private/keyring.ts'
import { createJsonFetch } from './http.ts'
import { jsonLink } from './json-link.ts'
import { toCliError } from './platform-error.ts'
import { withRetry } from './retry.ts'
import { createSession, type Session } from './session.ts'

type Table = typeof procedures
export type QueryName = { [N in ProcedureName]: Table[N]['type'] extends 'query' ? N : never }[ProcedureName]
export type MutationName = Exclude<ProcedureName, QueryName>
/** What a caller gives: fields with a default may be left out. */
export type Input<N extends ProcedureName> = Table[N]['input']['_zod']['input']
export type Output<N extends ProcedureName> = Table[N]['output']['_zod']['output']

export interface CallOptions {
  /** Ends the call with `interrupted`; the platform's own signal does too. */
  readonly signal?: AbortSignal | undefined
  /** How long the server may take on purpose (a long poll), ms; added to the time-out. */
  readonly waitMs?: number | undefined
}

export interface MutateOptions extends CallOptions {
  readonly idempotencyKey?: string | undefined
}

/** The control plane. Every answer is parsed again; every failure is a CliError with a code. */
export interface Platform {
  readonly origin: string
  query<N extends QueryName>(name: N, input: Input<N>, options?: CallOptions): Promise<Output<N>>
  /**
   * A keyed mutation needs `idempotencyKey`: verbs get one from `withKey`, which has it on disk before it is sent.
   * An input that is good for one try only is given as a function that makes it.
   */
  mutate<N extends MutationName>(name: N, input: Input<N> | (() => Input<N>), options?: MutateOptions): Promise<Output<N>>
}

export interface PlatformOptions {
  /** As `URL.origin` writes it. */
  readonly origin: string
  /** Who calls; without it only what anybody may call works. */
  readonly caller?:
    | {
        readonly agentId: string
        readonly identity: () => Promise<Pick<Keyring, 'agentId' | 'signKey'>>
        readonly directory: string
      }
    | undefined
  /** Called once after the first call of every session that had to be opened; it may make calls. What it throws is passed over. */
  readonly onSession?: (() => Promise<unknown>) | undefined
  /** For one call with all its tries, ms. */
  readonly timeoutMs: number
  readonly now: () => number
  readonly signal?: AbortSignal | undefined
  readonly onWait?: ((error: CliError, delayMs: number) => void) | undefined
}

/** One try of a call that does not wait on purpose, ms. */
const ATTEMPT_MS = 30_000

/** Faults of an input that are told at a time. */
const ISSUES_MAX = 5

/** Procedures in which nobody is authenticated: they prove themselves in their input, or need no proof. */
const OPEN: ReadonlySet<ProcedureName> = new Set([
  'server.info',
  'identity.register',
  'identity.openSession',
  'identity.openRecovery',
])

/** Connect to a control plane. No request is made yet. */
export function createPlatform(options: PlatformOptions): Platform {
  const { origin, caller, timeoutMs, now, onWait } = options
  const client = createTRPCUntypedClient({ links: [jsonLink(`${origin}${TRPC_PATH}`, createJsonFetch())] })

  async function once(name: ProcedureName, input: unknown, { headers, signal, limitMs }: Attempt): Promise<unknown> {
    const timed = anyOf(signal, AbortSignal.timeout(Math.ceil(limitMs)))
    const request = { context: headers, ...(timed && { signal: timed }) }
    try {
      return await (procedures[name].type === 'query'
        ? client.query(name, input, request)
        : client.mutation(name, input, request))
    } catch (error) {
      throw toCliError(error, signal)
    }
  }

  const { signal } = options
  // One try: a proof is good for one use, so a retry begins with a new one.
  let isSessionNew = false
  const open = async (proof: SessionProof) => {
    const opening = once('identity.openSession', proof, { headers: {}, signal, limitMs: Math.min(timeoutMs, ATTEMPT_MS) })
    const session = parseOutput('identity.openSession', await opening.catch(explainLogin))
    isSessionNew = true
    return session
  }
  const session = caller && createSession({ ...caller, origin, now, open })

  async function call<N extends ProcedureName>(
    name: N,
    input: Input<N> | (() => Input<N>),
    more: MutateOptions = {},
  ): Promise<Output<N>> {
    const { idempotencyKey, waitMs = 0 } = more
    if (procedures[name].keyed && idempotencyKey === undefined) throw new Error(`${name} needs an idempotency key`)
    const given = typeof input === 'function' ? undefined : parseInput(name, input)
    const either = anyOf(signal, more.signal)
    const keyed = idempotencyKey === undefined ? {} : { [IDEMPOTENCY_HEADER]: idempotencyKey }
    const attempt = (remainingMs: number) => (headers: Record<string, string>) => {
      const limitMs = Math.min(remainingMs, ATTEMPT_MS + waitMs)
      const sent = typeof input === 'function' ? parseInput(name, input()) : given
      return once(name, sent, { headers: { ...keyed, ...headers }, signal: either, limitMs })
    }

    const send = (limitMs: number) => (OPEN.has(name) ? attempt(limitMs)({}) : withSession(need(session), attempt(limitMs)))
    const output = parseOutput(name, await withRetry(send, { timeoutMs: timeoutMs + waitMs, signal: either, onWait }))
    if (isSessionNew) {
      isSessionNew = false
      await options.onSession?.().catch(() => undefined)
    }
    return output
  }

  return { origin, query: call, mutate: call }
}

interface Attempt {
  readonly headers: Record<string, string>
  readonly signal: AbortSignal | undefined
  readonly limitMs: number
}

/** A token the server no longer knows is replaced once; a second refusal stands. */
async function withSession<T>(session: Session, attempt: (headers: Record<string, string>) => Promise<T>): Promise<T> {
  const authorized = async () => ({ authorization: `Bearer ${await session.token()}` })
  const headers = await authorized()
  try {
    return await attempt(headers)
  } catch (error) {
    const isStale = error instanceof CliError && (error.code === 'session_expired' || error.code === 'unauthenticated')
    if (!isStale) throw error
    session.drop()
    return attempt(await authorized())
  }
}

/** The platform tells a stranger nothing; its user may be told where to look. */
function explainLogin(error: unknown): never {
  if (!(error instanceof CliError) || error.code !== 'unauthenticated') throw error
  const { message, requestId } = error
  const hint =
    '`agent-marketplace doctor` compares origin and clock; `register` if this profile is not registered there; if its key was changed on another machine, bring a backup from there, or `key recover`'
  throw new CliError('unauthenticated', message, { requestId, hint })
}

function need(session: Session | undefined): Session {
  if (session) return session
  throw new CliError('unauthenticated', 'this profile has no identity yet', {
    hint: 'register first: `agent-marketplace register --agent-id …`',
  })
}

/** Bad input is refused here, in words, before anything is sent. The value is never repeated. */
function parseInput(name: ProcedureName, input: unknown): unknown {
  const parsed = procedures[name].input.safeParse(input)
  if (parsed.success) return parsed.data
  throw usage(parsed.error.issues.slice(0, ISSUES_MAX).map(inWords).join('; '))
}

function inWords({ path, code, message }: { path: PropertyKey[]; code?: string; message: string }): string {
  const field = path.join('.') || 'the input'
  if (code === 'invalid_format') return `${field} is not well formed`
  return code === 'custom' ? `${field} must be ${message}` : `${field}: ${message}`
}

function parseOutput<N extends ProcedureName>(name: N, answer: unknown): Output<N> {
  const parsed = procedures[name].output.safeParse(answer)
  if (parsed.success) return parsed.data as Output<N>
  throw new CliError('bad_answer', `the answer to ${name} is not what this version expects`, {
    hint: 'compare versions: `agent-marketplace doctor`',
  })
}

function anyOf(...signals: (AbortSignal | undefined)[]): AbortSignal | undefined {
  const present = signals.filter((signal) => signal !== undefined)
  return present.length > 1 ? AbortSignal.any(present) : present[0]
}
