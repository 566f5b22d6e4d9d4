import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import type { Signals } from './database.ts'
import { DatabaseClock } from './database-clock.ts'
import { announceProgram } from './postgres-programs.ts'

const CHANNEL = 'agent_marketplace'
const NOTIFY = 'SELECT pg_notify($1, text) FROM unnest($2::text[]) AS text'
/** Topics that come up within this time travel together, in milliseconds. */
const GATHER_MS = 10
/** A notification holds less than 8000 bytes. */
const PAYLOAD_CHARS_MAX = 7_500
const RECONNECT_MS = 1_000
/** How often the database is asked for the time; by that it is also noticed when nobody is at the other end any more. */
const ASK_TIME_MS = 1_000
const ASK_TIME = 'SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS ms'

export interface PostgresSignals extends Signals {
  /** The clock of the database. */
  readonly now: () => number
  close(): Promise<void>
}

/**
 * LISTEN and NOTIFY over a connection of their own. Nothing is notified inside a transaction: there it would make commits wait for each other.
 * While the connection is lost nothing is told or heard. It also says which schema this program is for, to those that would change it, and what time it is there.
 */
export async function openSignals(connection: pg.ClientConfig, schema: number): Promise<PostgresSignals> {
  const signals = new ListeningSignals(connection, schema)
  await signals.connect()
  return signals
}

class ListeningSignals implements PostgresSignals {
  readonly #connection: pg.ClientConfig
  readonly #schema: number
  /** Whose words these are: a process does not listen to itself. */
  readonly #speaker = randomBytes(6).toString('base64url')
  readonly #listeners: ((topic: string) => void)[] = []
  readonly #closed = new AbortController()
  readonly #clock = new DatabaseClock()
  readonly now = this.#clock.now
  #topics = new Set<string>()
  #telling: Promise<void> | undefined
  #client: pg.Client | undefined
  #lastQuery: Promise<unknown> = Promise.resolve()

  constructor(connection: pg.ClientConfig, schema: number) {
    this.#connection = connection
    this.#schema = schema
  }

  tell(topic: string): void {
    this.#topics.add(topic)
    this.#telling ??= this.#tellAll()
  }

  hear(listener: (topic: string) => void): void {
    this.#listeners.push(listener)
  }

  async connect(): Promise<void> {
    const client = new pg.Client(this.#connection)
    client.on('error', () => {})
    client.on('notification', ({ payload = '' }) => this.#take(payload))
    try {
      await client.connect()
      await announceProgram(client, this.#schema)
      await client.query(`LISTEN ${CHANNEL}`)
      await this.#askTime(client)
    } catch (error) {
      void client.end()
      throw error
    }
    if (this.#closed.signal.aborted) return client.end()
    client.on('end', () => void this.#reconnect())
    this.#client = client
    void this.#followTime(client)
  }

  async close(): Promise<void> {
    this.#closed.abort()
    await this.#telling
    await this.#client?.end()
  }

  async #askTime(client: pg.Client): Promise<void> {
    const askedAt = performance.now()
    const { rows } = await client.query(ASK_TIME)
    this.#clock.take({ askedAt, heardAt: performance.now(), saidMs: rows[0].ms })
  }

  async #followTime(client: pg.Client): Promise<void> {
    const { signal } = this.#closed
    try {
      for (;;) {
        await pause(ASK_TIME_MS, undefined, { signal })
        await this.#inTurn(() => this.#askTime(client))
      }
    } catch {
      if (!signal.aborted) await client.end()
    }
  }

  /** One query after another: the driver keeps no line of its own. */
  #inTurn(query: () => Promise<unknown>): Promise<unknown> {
    const turn = this.#lastQuery.then(query)
    this.#lastQuery = turn.catch(() => {})
    return turn
  }

  #take(payload: string): void {
    const [speaker, ...topics] = payload.split(' ')
    if (speaker === this.#speaker) return
    for (const topic of topics) for (const listener of this.#listeners) listener(topic)
  }

  async #tellAll(): Promise<void> {
    while (this.#topics.size > 0) {
      await pause(GATHER_MS)
      const texts = payloads(this.#speaker, this.#topics)
      this.#topics = new Set()
      const client = this.#client
      if (client) await this.#inTurn(() => client.query(NOTIFY, [CHANNEL, texts])).catch(() => {})
    }
    this.#telling = undefined
  }

  async #reconnect(): Promise<void> {
    this.#client = undefined
    const { signal } = this.#closed
    while (!this.#client && !signal.aborted) {
      await pause(RECONNECT_MS, undefined, { signal }).catch(() => {})
      if (!signal.aborted) await this.connect().catch(() => {})
    }
  }
}

/** Topics without spaces, as few texts as they fit in, each behind the name of its speaker. */
function payloads(speaker: string, topics: Iterable<string>): string[] {
  const texts: string[] = []
  let text = speaker
  for (const topic of topics) {
    if (text.length + topic.length >= PAYLOAD_CHARS_MAX) {
      texts.push(text)
      text = speaker
    }
    text += ` ${topic}`
  }
  return [...texts, text]
}
