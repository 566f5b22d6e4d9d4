import type { ErrorCode } from '@agent-marketplace/protocol'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60]

interface Answered {
  /** A procedure of the router; absent for a request that reached none. */
  readonly procedure?: string | undefined
  readonly code: ErrorCode | 'ok'
  readonly seconds: number
}

/** What `/metrics` tells. Every label comes from a closed set: procedures of the router and error codes. */
export interface Metrics {
  countAnswer(answer: Answered): void
  /** The text of all metrics and its media type. */
  expose(): Promise<{ text: string; type: string }>
}

/** @param measure - Asked at each scrape for what is under way. */
export function createMetrics(measure: { requests: () => number; connections: () => Promise<number> }): Metrics {
  const registers = [new Registry()] as const
  const [registry] = registers
  collectDefaultMetrics({ register: registry })
  const answers = new Counter({
    name: 'agent_marketplace_answers_total',
    help: 'Answers of the control plane by procedure and code.',
    labelNames: ['procedure', 'code'],
    registers: [...registers],
  })
  const durations = new Histogram({
    name: 'agent_marketplace_answer_seconds',
    help: 'Time from the headers of a request to its answer.',
    labelNames: ['procedure'],
    buckets: SECONDS,
    registers: [...registers],
  })
  gauge(registry, 'agent_marketplace_requests', 'Requests under way.', async () => measure.requests())
  gauge(registry, 'agent_marketplace_connections', 'Open connections of the control plane.', measure.connections)

  // Looking a label set up costs more than counting, so the looked-up ones are kept; there are only so many.
  const known = new Map<string, { timer: Histogram.Internal<'procedure'>; counters: Map<ErrorCode | 'ok', Counter.Internal> }>()
  const keep = <K, V>(map: Map<K, V>, key: K, made: V): V => {
    map.set(key, made)
    return made
  }
  return {
    countAnswer({ procedure = 'none', code, seconds }) {
      const { timer, counters } =
        known.get(procedure) ?? keep(known, procedure, { timer: durations.labels(procedure), counters: new Map() })
      const counter = counters.get(code) ?? keep(counters, code, answers.labels(procedure, code))
      counter.inc()
      timer.observe(seconds)
    },
    expose: async () => ({ text: await registry.metrics(), type: registry.contentType }),
  }
}

function gauge(registry: Registry, name: string, help: string, measure: () => Promise<number>): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    async collect() {
      this.set(await measure())
    },
  })
}
