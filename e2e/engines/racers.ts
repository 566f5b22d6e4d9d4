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

/** What all processes work over. */
export interface Opening {
  readonly database: string
  readonly flags: readonly string[]
}

/** A line to a process. */
export interface Order {
  readonly open?: Opening
  /** What time it is for it from now on. */
  readonly nowMs: number
  readonly calls: readonly (Call | 'sweep')[]
}

const SCRIPT = join(import.meta.dirname, 'racer.ts')
const CACHE = join(import.meta.dirname, '../../.cache/compiled')

class Racer {
  readonly child: ChildProcess
  readonly #lines: AsyncIterator<string>
  #stderr = ''

  constructor() {
    const env = { ...process.env, NODE_COMPILE_CACHE: CACHE }
    this.child = spawn(process.execPath, ['--conditions=source', SCRIPT], { env, stdio: 'pipe' })
    this.child.stderr?.on('data', (bytes: Buffer) => (this.#stderr += bytes.toString()))
    this.child.stdin?.on('error', () => {})
    this.#lines = createInterface({ input: this.child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]()
  }

  /** @returns what came of it; nothing once it was killed. @throws Error when it ended by itself. */
  async obey(order: Order): Promise<Result[]> {
    this.child.stdin?.write(`${JSON.stringify(order)}\n`)
    const { value, done } = await this.#lines.next()
    if (done && !this.child.killed) throw new Error(`a process ended: ${this.#stderr}`)
    return done ? [] : JSON.parse(value)
  }
}

/** Several server processes over one database. */
export class Racers implements AsyncDisposable {
  readonly #racers: readonly Racer[]
  /** What time it is for all of them. */
  readonly #now: () => number

  private constructor(racers: readonly Racer[], now: () => number) {
    this.#racers = racers
    this.#now = now
  }

  /** @param now - The clock they all go by; it stands while they race. */
  static async start(count: number, opening: Opening, now: () => number): Promise<Racers> {
    const racers = new Racers(
      Array.from({ length: count }, () => new Racer()),
      now,
    )
    await racers.open(opening)
    return racers
  }

  /** Let all of them work over another database. */
  async open(open: Opening): Promise<void> {
    await Promise.all(this.#racers.map((racer) => racer.obey({ open, nowMs: this.#now(), calls: [] })))
  }

  /** Let every process make these calls at once. @returns what came of them, process by process; nothing of one that was killed meanwhile. */
  async race(callsOf: (process: number) => readonly (Call | 'sweep')[]): Promise<Result[][]> {
    return Promise.all(this.#racers.map((racer, index) => racer.obey({ nowMs: this.#now(), calls: callsOf(index) })))
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
