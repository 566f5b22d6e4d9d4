import { randomUUID } from 'node:crypto'

/** One call of a server as it is sent. */
export interface Request {
  readonly method: 'GET' | 'POST' | 'PUT'
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Buffer
}

/** What one run of a call against one server came to. */
export interface Sample {
  readonly perSecond: number
  readonly p99Ms: number
  readonly calls: number
}

interface LoadOptions {
  readonly origin: string
  readonly connections: number
  /** For so long, or … */
  readonly seconds: number
  /** … so many calls. */
  readonly calls?: number | undefined
}

/**
 * Call one server as fast as it answers.
 *
 * @param next - Makes the next request; all of a run have the method of the first.
 * @throws Error if any call was not answered with success: refusals are fast, and would flatter.
 */
export async function load(
  name: string,
  next: () => Request,
  { origin, connections, seconds, calls }: LoadOptions,
): Promise<Sample> {
  const { default: autocannon } = await import('autocannon')
  // Our own clock: a run of so many calls ends with its last answer, autocannon's with the second after it.
  let startedAtMs: number | undefined
  let endedAtMs = 0
  const result = await autocannon({
    url: origin,
    connections,
    // One failure spoils the run, and a server that is gone does not come back.
    bailout: 1,
    ...(calls === undefined ? { duration: seconds } : { amount: calls }),
    setupClient: (client) => client.on('response', () => (endedAtMs = performance.now())),
    requests: [
      {
        setupRequest(request: object) {
          startedAtMs ??= performance.now()
          return { ...request, ...next() }
        },
      },
    ],
  })
  const failed = result.non2xx + result.errors + result.timeouts
  const answered = result['2xx']
  if (failed > 0 || answered === 0) throw new Error(`${name} at ${origin}: ${failed} calls failed, ${answered} succeeded`)
  const elapsedS = (endedAtMs - (startedAtMs ?? endedAtMs)) / 1_000
  return { perSecond: answered / elapsedS, p99Ms: result.latency.p99, calls: answered }
}

/** Headers of a call by whoever this token stands for; a mutation carries a key that was not used before. */
export function callHeaders(token: string, isMutation: boolean): Record<string, string> {
  const session = { authorization: `Bearer ${token}` }
  return isMutation ? { ...session, 'content-type': 'application/json', 'idempotency-key': randomUUID() } : session
}
