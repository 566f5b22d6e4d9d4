import { IDEMPOTENCY_HEADER, type ProcedureName, procedures, TRPC_PATH } from '@agent-marketplace/protocol'
import { generateSigningKey } from '@agent-marketplace/protocol/signing'
import { proveKey, signCard, signPrekey } from '../../packages/platform-server/test/platform.ts'

/** The platform said no. */
export class Refused extends Error {
  readonly code: string

  constructor(procedure: string, { code, status }: { code: string; status: number }) {
    super(`${procedure}: ${status} ${code}`)
    this.code = code
  }
}

export interface CallOptions {
  readonly token?: string | undefined
  /** Fresh unless it is given. */
  readonly key?: string | undefined
  readonly headers?: Record<string, string>
}

export type CallServer = (name: ProcedureName, input: object, options?: CallOptions) => Promise<Record<string, unknown>>

let keys = 0

/** Call a server over HTTP, as any client would. @returns a function that returns the reply, or throws Refused, or what `fetch` throws. */
export function callAt(address: string): CallServer {
  return async (name, input, { token, key = `key-${process.pid}-${++keys}`, headers: more } = {}) => {
    const headers = {
      'content-type': 'application/json',
      [IDEMPOTENCY_HEADER]: key,
      ...(token && { authorization: `Bearer ${token}` }),
      ...more,
    }
    const url = `${address}${TRPC_PATH}/${name}`
    const answer =
      procedures[name].type === 'mutation'
        ? await fetch(url, { method: 'POST', headers, body: JSON.stringify(input) })
        : await fetch(`${url}?input=${encodeURIComponent(JSON.stringify(input))}`, { headers })
    const { result, error } = (await answer.json()) as {
      result?: { data: Record<string, unknown> }
      error?: { data: { code: string } }
    }
    if (!result) throw new Refused(name, { code: String(error?.data.code), status: answer.status })
    return result.data
  }
}

/** An agent for calls over HTTP. */
export interface HttpAgent {
  readonly agentId: string
  readonly keys: ReturnType<typeof generateSigningKey>
  /** Register it. The same again is the same registration. */
  register(call: CallServer): Promise<void>
  /** @returns the token of a new session. */
  openSession(call: CallServer): Promise<string>
}

/** @param audience - The origin of the platform. */
export function makeAgent(agentId: string, audience: string): HttpAgent {
  const keys = generateSigningKey()
  const of = { agentId, nowMs: Date.now() }
  const application = {
    card: signCard(keys, of),
    proof: proveKey(keys, { ...of, audience }),
    prekey: signPrekey(keys, of),
  }
  return {
    agentId,
    keys,
    register: async (call) => void (await call('identity.register', application, { key: `register-${agentId}` })),
    openSession: async (call) => {
      const proof = proveKey(keys, { agentId, audience, nowMs: Date.now() })
      return String((await call('identity.openSession', proof)).token)
    },
  }
}
