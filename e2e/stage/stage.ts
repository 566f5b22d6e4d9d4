import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findFreePort } from '../../packages/platform-server/test/free-port.ts'
import { type Ended, Running, runCommand, type SpawnOptions } from './process.ts'

const BIN = join(import.meta.dirname, '..', '..', 'bin')

/** Where the parts of a story live: one server and any number of agents, each a process of its own with a home of its own. */
export class Stage implements AsyncDisposable {
  readonly directory: string
  readonly server: StagedServer
  readonly #running: Running[] = []
  readonly #keep: boolean

  /** @param keep - Leave the directory behind. */
  constructor({ keep = false, name = 'agent-marketplace-' } = {}) {
    this.directory = mkdtempSync(join(tmpdir(), name))
    this.#keep = keep
    this.server = new StagedServer(join(this.directory, 'server'), this.#running)
  }

  /** An agent's machine: a home directory and the commands run there. */
  agent(name: string): StagedAgent {
    return new StagedAgent(join(this.directory, name), () => this.server.origin, this.#running)
  }

  /** A file of this story. @returns its path. */
  file(name: string, content: string | Uint8Array): string {
    const path = join(this.directory, name)
    writeFileSync(path, content)
    return path
  }

  /** End every process of this story. @returns how many were still running. */
  async stop(): Promise<number> {
    const alive = this.#running.filter((each) => !each.hasEnded)
    await Promise.all(alive.map((each) => each.stop()))
    return alive.length
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    if (!this.#keep) rmSync(this.directory, { recursive: true, force: true })
  }
}

/** One `platform-server` process at a time, over one data directory. */
export class StagedServer {
  readonly dataDirectory: string
  /** Everything the server printed on stderr. */
  readonly logFile: string
  readonly #running: Running[]
  #process: Running | undefined
  #listen: readonly string[] = []
  origin = ''
  relayOrigin = ''

  constructor(directory: string, running: Running[]) {
    mkdirSync(directory, { recursive: true })
    this.dataDirectory = join(directory, 'data')
    this.logFile = join(directory, 'server.log')
    writeFileSync(this.logFile, '')
    this.#running = running
  }

  /**
   * Start it; a later start listens where the first one did.
   *
   * @param behind - Where it listens, when clients reach it by other origins, which are then among `args`.
   */
  async start(args: readonly string[] = [], behind?: { listen: string; relayListen: string }): Promise<void> {
    if (behind) this.#listen = ['--listen', behind.listen, '--relay-listen', behind.relayListen]
    else if (this.#listen.length === 0)
      this.#listen = ['--listen', `127.0.0.1:${await findFreePort()}`, '--relay-listen', `127.0.0.1:${await findFreePort()}`]
    const server = new Running(join(BIN, 'platform-server'), ['--data', this.dataDirectory, ...this.#listen, ...args])
    server.child.stderr?.on('data', (chunk: Buffer) => appendFileSync(this.logFile, chunk))
    this.#running.push(server)
    this.#process = server
    const ready = await server.line((line) => line.event === 'listening')
    this.origin = String(ready.origin)
    this.relayOrigin = String(ready.relayOrigin)
  }

  get pid(): number | undefined {
    return this.#process?.child.pid
  }

  /** @returns the exit code. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    return this.#process ? this.#process.stop(signal) : null
  }
}

export class StagedAgent {
  readonly home: string
  /** Environment of every command and daemon of this agent, beside its home and its server. */
  readonly variables: Record<string, string> = {}
  readonly #origin: () => string
  readonly #running: Running[]

  constructor(home: string, origin: () => string, running: Running[]) {
    this.home = home
    this.#origin = origin
    this.#running = running
    mkdirSync(home, { recursive: true })
  }

  get env(): Record<string, string> {
    return { AGENT_MARKETPLACE_HOME: this.home, AGENT_MARKETPLACE_SERVER: this.#origin(), NO_COLOR: '1', ...this.variables }
  }

  /** Run a command line as a user would. */
  run(args: readonly string[], options: SpawnOptions = {}): Promise<Ended> {
    return runCommand(join(BIN, 'agent-marketplace'), args, { cwd: this.home, ...options, env: { ...this.env, ...options.env } })
  }

  /** Run with `--json`. @returns the one document it printed. @throws Error when the command fails. */
  // biome-ignore lint/suspicious/noExplicitAny: what a command prints is checked field by field by whoever reads it
  async json<T = Record<string, any>>(...args: string[]): Promise<T> {
    const ended = await this.run([...args, '--json'])
    if (ended.exit !== 0) throw new Error(`${args.join(' ')} → exit ${ended.exit}\n${ended.stdout}${ended.stderr}`)
    return JSON.parse(ended.stdout) as T
  }

  /** Run with `--json`, expecting a refusal. @returns its exit code and its error. */
  async refused(...args: string[]): Promise<{ exit: number | null; code: string; message: string }> {
    const ended = await this.run([...args, '--json'])
    const { error } = JSON.parse(ended.stdout) as { error?: { code: string; message: string } }
    if (!error) throw new Error(`${args.join(' ')} was not refused:\n${ended.stdout}${ended.stderr}`)
    return { exit: ended.exit, code: error.code, message: error.message }
  }

  /** Start a daemon that keeps running. */
  daemon(...args: string[]): Running {
    const daemon = new Running(join(BIN, 'agent-marketplace'), ['daemon', ...args, '--json'], { cwd: this.home, env: this.env })
    this.#running.push(daemon)
    return daemon
  }
}
