import { randomUUID } from 'node:crypto'

/** One kind of call, as a client sends it. */
export interface Call {
  readonly name: string
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body?: string
  /** Whether each call carries an idempotency key that was not used before. */
  readonly isKeyed?: boolean
}

/** What one run of a call against one server came to. */
export interface Sample {
  readonly perSecond: number
  readonly p99Ms: number
}

interface LoadOptions {
  readonly origin: string
  readonly token: string
  readonly seconds: number
  readonly connections: number
}

/** Call one server as fast as it answers. @throws Error if any call was not answered with success: refusals are fast, and would flatter. */
export async function load(call: Call, { origin, token, seconds, connections }: LoadOptions): Promise<Sample> {
  const { default: autocannon } = await import('autocannon')
  const { method, path, body, isKeyed } = call
  const run = randomUUID()
  let calls = 0
  const headers = { authorization: `Bearer ${token}`, ...(body !== undefined && { 'content-type': 'application/json' }) }
  const result = await autocannon({
    url: origin,
    connections,
    duration: seconds,
    requests: [
      {
        method,
        path,
        headers,
        ...(body !== undefined && { body }),
        ...(isKeyed && {
          setupRequest: (request: object) => ({ ...request, headers: { ...headers, 'idempotency-key': `${run}-${calls++}` } }),
        }),
      },
    ],
  })
  const failed = result.non2xx + result.errors + result.timeouts
  if (failed > 0 || result['2xx'] === 0)
    throw new Error(`${call.name} at ${origin}: ${failed} calls failed, ${result['2xx']} succeeded`)
  return { perSecond: result['2xx'] / result.duration, p99Ms: result.latency.p99 }
}
