import { pino } from 'pino'

/** The only fields a log line may carry; every one is in design/data-inventory.md. */
export interface LogFields {
  readonly requestId?: string
  readonly procedure?: string
  readonly status?: number
  readonly code?: string
  readonly count?: number
  readonly stack?: string
}

const NAMES: Record<keyof LogFields, true> = {
  requestId: true,
  procedure: true,
  status: true,
  code: true,
  count: true,
  stack: true,
}
export const LOG_FIELDS = Object.keys(NAMES) as (keyof LogFields)[]

export interface Log {
  debug(event: string, fields?: LogFields): void
  info(event: string, fields?: LogFields): void
  warn(event: string, fields?: LogFields): void
  error(event: string, fields?: LogFields): void
}

export const LOG_LEVELS = ['silent', 'error', 'warn', 'info', 'debug'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** Structured log on stderr: one JSON object a line, no host name, no process id, only allow-listed fields. */
export function createLog(level: LogLevel): Log {
  const sink = pino(
    { level, base: null, timestamp: () => `,"atMs":${Date.now()}`, messageKey: 'event' },
    pino.destination({ dest: 2, sync: false }),
  )
  const write =
    (at: 'debug' | 'info' | 'warn' | 'error') =>
    (event: string, fields: LogFields = {}) =>
      sink[at](allowed(fields), event)
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
}

function allowed(fields: LogFields): LogFields {
  return Object.fromEntries(LOG_FIELDS.map((name) => [name, fields[name]]))
}
