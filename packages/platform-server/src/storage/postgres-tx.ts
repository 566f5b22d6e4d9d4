import type { PoolClient } from 'pg'
import type { Row, Tx, Value } from './database.ts'
import { asRows, type Statements } from './postgres-statement.ts'

/** A transaction over one connection, for as long as its work runs. */
export class PostgresTx implements Tx {
  readonly #client: PoolClient
  readonly #statements: Statements
  readonly effects: (() => void)[] = []
  #ended = false

  constructor(client: PoolClient, statements: Statements) {
    this.#client = client
    this.#statements = statements
  }

  async all(sql: string, params: readonly Value[] = []): Promise<Row[]> {
    return asRows((await this.#send(sql, params)).rows)
  }

  async get(sql: string, params: readonly Value[] = []): Promise<Row | undefined> {
    return (await this.all(sql, params))[0]
  }

  async run(sql: string, params: readonly Value[] = []): Promise<number> {
    return (await this.#send(sql, params)).rowCount ?? 0
  }

  onCommit(effect: () => void): void {
    this.#refuseEnded()
    this.effects.push(effect)
  }

  end(): void {
    this.#ended = true
  }

  #send(sql: string, params: readonly Value[]) {
    this.#refuseEnded()
    return this.#client.query({ ...this.#statements.prepare(sql, params), values: [...params] })
  }

  #refuseEnded(): void {
    if (this.#ended) throw new Error('tx used after its end')
  }
}
