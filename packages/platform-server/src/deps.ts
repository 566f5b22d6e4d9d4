import { randomBytes } from 'node:crypto'
import type { IdPrefix } from '@agent-marketplace/protocol'
import { BeatLine } from './beat-line.ts'
import type { Config } from './config.ts'
import type { Log } from './log.ts'
import { newId } from './new-id.ts'
import { Presence } from './presence.ts'
import type { Database } from './storage/database.ts'
import { Turns } from './turns.ts'
import { Wakeups } from './wakeups.ts'

/** What every operation gets from outside: storage, time, ids, configuration, log. Nothing else is ambient. */
export interface Deps {
  readonly db: Database
  readonly now: () => number
  /** Milliseconds that only go forward, whatever becomes of the clock: for rates, pauses and what is kept for a moment in this process. */
  readonly monotonic: () => number
  readonly newId: (prefix: IdPrefix) => string
  readonly config: Config
  readonly log: Log
  /** Random bytes that name this installation, base64url. */
  readonly instanceId: string
  /** 0 ≤ random() < 1, for spreading load; never for secrets. */
  readonly random: () => number
  readonly presence: Presence
  readonly beatLine: BeatLine
  readonly wakeups: Wakeups
  /** 32 bytes under which the keys that sign relay tokens are stored. */
  readonly tokenSecret: Uint8Array
  /** For who has relay tokens signed. */
  readonly tokenTurns: Turns
}

/** Full calls for tokens that may wait: the last one is answered within 10 s. */
const TOKEN_CALLS_WAITING_MAX = 100
const TOKEN_SECRET_BYTES = 32

/** Put together what one process of the server works with. */
export function createDeps(given: Pick<Deps, 'db' | 'config' | 'log' | 'instanceId'> & Partial<Deps>): Deps {
  return {
    now: given.db.now,
    monotonic: () => performance.now(),
    newId: (prefix) => newId(prefix, given.db.now()),
    random: Math.random,
    presence: new Presence(),
    beatLine: new BeatLine(),
    wakeups: new Wakeups(given.db.signals),
    tokenSecret: randomBytes(TOKEN_SECRET_BYTES),
    tokenTurns: new Turns(TOKEN_CALLS_WAITING_MAX),
    ...given,
  }
}
