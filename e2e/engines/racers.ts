import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** A call in somebody's name. */
export interface Call {
  readonly token: string
  readonly key: string
  readonly procedure: readonly [slice: string, name: string]
  readonly input: object
}

/** What came of it: the reply, or the code of the refusal. */
export interface Result {
  readonly reply?: unknown
  readonly code?: string
}

const SCRIPT = join(import.meta.dirname, 'racer.ts')
const CACHE = join(import.meta.dirname, '../../.cache/compiled')

class Racer {
  readonly child: ChildProcess
  readonly #lines: AsyncIterator<string>
  #stderr = ''

  constructor(database: string, nowMs: number) {
    const env = { ...process.env, NODE_COMPILE_CACHE: CACHE }
    this.child = spawn(process.execPath, ['--conditions=source', SCRIPT, database, String(nowMs)], { env, stdio: 'pipe' })
    this.child.stderr?.on('data', (bytes: Buffer) => (this.#stderr += bytes.toString()))
    this.child.stdin?.on('error', () => {})
    this.#lines = createInterface({ input: this.child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]()
  }

  /** @returns the next line; `undefined` after its end. */
  async line(): Promise<string | undefined> {
    const { value, done } = await this.#lines.next()
    return done ? undefined : value
  }

  get stderr(): string {
    return this.#stderr
  }
}

/** Several server processes over one database. */
export class Racers implements AsyncDisposable {
  readonly #racers: readonly Racer[]

  private constructor(racers: readonly Racer[]) {
    this.#racers = racers
  }

  static async start(count: number, { database, nowMs }: { database: string; nowMs: number }): Promise<Racers> {
    const racers = Array.from({ length: count }, () => new Racer(database, nowMs))
    for (const racer of racers) {
      if ((await racer.line()) !== 'ready') throw new Error(`a process did not start: ${racer.stderr}`)
    }
    return new Racers(racers)
  }

  /** Let every process make these calls at once. @returns what came of them, process by process; nothing of one that was killed meanwhile. */
  async race(callsOf: (process: number) => readonly Call[]): Promise<Result[][]> {
    for (const [index, racer] of this.#racers.entries()) racer.child.stdin?.write(`${JSON.stringify(callsOf(index))}\n`)
    return Promise.all(this.#racers.map(async (racer) => JSON.parse((await racer.line()) ?? '[]')))
  }

  kill(process: number): void {
    this.#racers[process]?.child.kill('SIGKILL')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { child } of this.#racers) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      const closed = once(child, 'close')
      child.stdin?.end()
      await closed
    }
  }
}
