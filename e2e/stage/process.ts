import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** How a command ended and what it printed. */
export interface Ended {
  readonly exit: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface SpawnOptions {
  readonly env?: Record<string, string>
  readonly cwd?: string
  readonly stdin?: string
}

/** Run a command to its end. Never throws for a failing command. */
export async function runCommand(
  command: string,
  args: readonly string[],
  { env, cwd, stdin }: SpawnOptions = {},
): Promise<Ended> {
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] })
  const stdout = collect(child.stdout)
  const stderr = collect(child.stderr)
  child.stdin.on('error', () => {})
  child.stdin.end(stdin)
  const [exit] = (await once(child, 'close')) as [number | null]
  return { exit, stdout: stdout(), stderr: stderr() }
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = []
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  return () => Buffer.concat(chunks).toString()
}

/** One JSON object a long-running command printed on a line of its own. */
export type Line = Readonly<Record<string, unknown>> & { readonly event: string }

/** A command that keeps running and tells what it does, one JSON object a line. */
export class Running {
  readonly lines: Line[] = []
  readonly child: ChildProcess
  #stderr = ''
  #isClosed = false
  readonly #ended: Promise<number | null>
  #listeners = new Set<() => void>()

  constructor(command: string, args: readonly string[], { env, cwd }: SpawnOptions = {}) {
    this.child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#ended = once(this.child, 'close').then(([exit]) => exit as number | null)
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr += chunk.toString()
    })
    if (this.child.stdout) createInterface(this.child.stdout).on('line', (text) => this.#take(text))
    void this.#ended.then(() => {
      this.#isClosed = true
      this.#tell()
    })
  }

  get stderr(): string {
    return this.#stderr
  }

  /** Resolves with its exit code once it has ended; `null` when a signal ended it. */
  get ended(): Promise<number | null> {
    return this.#ended
  }

  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null
  }

  /** Wait for a line, printed already or to come. @throws Error with what the process said when it ends or stays silent instead. */
  async line(matches: (line: Line) => boolean, { withinMs = 60_000 } = {}): Promise<Line> {
    const deadline = Date.now() + withinMs
    for (;;) {
      const found = this.lines.find(matches)
      if (found) return found
      // All that it said has been read.
      if (this.#isClosed) throw new Error(`ended early (${this.child.exitCode}): ${this.#report()}`)
      if (Date.now() > deadline) throw new Error(`not said within ${withinMs} ms: ${this.#report()}`)
      await this.#change(deadline - Date.now())
    }
  }

  /** Ask it to end. @returns its exit code. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (!this.hasEnded) this.child.kill(signal)
    return this.#ended
  }

  #take(text: string): void {
    try {
      this.lines.push(JSON.parse(text))
    } catch {
      this.#stderr += `${text}\n`
    }
    this.#tell()
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }

  #change(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        this.#listeners.delete(done)
        resolve()
      }
      const timer = setTimeout(done, Math.max(1, withinMs))
      this.#listeners.add(done)
    })
  }

  #report(): string {
    return `${this.lines.map((line) => JSON.stringify(line)).join('\n')}\n${this.#stderr}`
  }
}
