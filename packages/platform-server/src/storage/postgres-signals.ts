import { randomBytes } from 'node:crypto'
import pg from 'pg'
import type { Signals } from './database.ts'

const CHANNEL = 'agent_marketplace'
/** Topics that come up within this time travel together, in milliseconds. */
const GATHER_MS = 10
/** A notification holds less than 8000 bytes. */
const PAYLOAD_CHARS_MAX = 7_500
const RECONNECT_MS = 1_000

export interface PostgresSignals extends Signals {
  close(): Promise<void>
}

/**
 * LISTEN and NOTIFY over a connection of their own. Nothing is notified inside a transaction: there it would make commits wait for each other.
 * While the connection is lost nothing is told or heard.
 */
export async function openSignals(connection: pg.ClientConfig): Promise<PostgresSignals> {
  const signals = new ListeningSignals(connection)
  await signals.connect()
  return signals
}

class ListeningSignals implements PostgresSignals {
  readonly #connection: pg.ClientConfig
  /** Whose words these are: a process does not listen to itself. */
  readonly #speaker = randomBytes(6).toString('base64url')
  readonly #listeners: ((topic: string) => void)[] = []
  #topics = new Set<string>()
  #gathering: NodeJS.Timeout | undefined
  #reconnecting: NodeJS.Timeout | undefined
  #client: pg.Client | undefined
  #isClosed = false

  constructor(connection: pg.ClientConfig) {
    this.#connection = connection
  }

  tell(topic: string): void {
    this.#topics.add(topic)
    this.#gathering ??= setTimeout(() => this.#send(), GATHER_MS)
  }

  hear(listener: (topic: string) => void): void {
    this.#listeners.push(listener)
  }

  async connect(): Promise<void> {
    const client = new pg.Client(this.#connection)
    client.on('error', () => {})
    client.on('notification', ({ payload = '' }) => this.#take(payload))
    await client.connect()
    client.on('end', () => this.#reconnect())
    await client.query(`LISTEN ${CHANNEL}`)
    this.#client = client
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#gathering)
    clearTimeout(this.#reconnecting)
    await this.#client?.end()
  }

  #take(payload: string): void {
    const [speaker, ...topics] = payload.split(' ')
    if (speaker === this.#speaker) return
    for (const topic of topics) for (const listener of this.#listeners) listener(topic)
  }

  #send(): void {
    this.#gathering = undefined
    const topics = this.#topics
    this.#topics = new Set()
    for (const payload of payloads(this.#speaker, topics)) {
      this.#client?.query('SELECT pg_notify($1, $2)', [CHANNEL, payload]).catch(() => {})
    }
  }

  #reconnect(): void {
    this.#client = undefined
    if (this.#isClosed) return
    this.#reconnecting = setTimeout(() => {
      this.connect().catch(() => this.#reconnect())
    }, RECONNECT_MS)
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
