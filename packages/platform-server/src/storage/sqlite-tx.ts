import type { Row, Tx, Value } from './database.ts'
import type { Connection } from './sqlite-connection.ts'

/** A transaction of the embedded engine, for as long as its work runs. */
export class SqliteTx implements Tx {
  readonly #connection: Connection
  readonly effects: (() => void)[] = []
  #ended = false

  constructor(connection: Connection) {
    this.#connection = connection
  }

  async all(sql: string, params: readonly Value[] = []): Promise<Row[]> {
    return this.#live().all(sql, params)
  }

  async get(sql: string, params: readonly Value[] = []): Promise<Row | undefined> {
    return this.#live().get(sql, params)
  }

  async run(sql: string, params: readonly Value[] = []): Promise<number> {
    return this.#live().run(sql, params)
  }

  onCommit(effect: () => void): void {
    this.#live()
    this.effects.push(effect)
  }

  end(): void {
    this.#ended = true
  }

  #live(): Connection {
    if (this.#ended) throw new Error('tx used after its end')
    return this.#connection
  }
}
