import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'vitest'
import { isEmptyDirectory } from '../../packages/platform-server/src/data-directory.ts'
import { openSqlite } from '../../packages/platform-server/src/storage/sqlite.ts'
import { THINGS } from '../../packages/platform-server/test/things.ts'
import { needStrace } from '../stage/strace.ts'

const SCRIPT = join(import.meta.dirname, '../../packages/platform-server/test/write-things.ts')
/** Most of the life of such a process would be compiling. */
const CACHE = join(import.meta.dirname, '../../.cache/compiled')
const POLL_MS = 2
/** In memory where there is such a place: a killed process, or a trace of one, needs no real disk. */
export const SCRATCH = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

export interface WriterOptions {
  /** What its things are called, so that those of several writers differ. */
  readonly word: string
  readonly atOnce?: number
  /** How many things it writes before it ends; unlimited if it is left out. */
  readonly inAll?: number
  /** Arguments of strace, to write under it. */
  readonly strace?: readonly string[]
}

/** A process of its own that writes things and says which of them were answered. */
export class Writer {
  readonly #child: ChildProcess
  readonly #ended: Promise<unknown>
  #said = ''
  #stderr = ''

  constructor(directory: string, { word, atOnce = 1, inAll = 0, strace }: WriterOptions) {
    const node = [process.execPath, '--conditions=source', SCRIPT, directory, word, String(atOnce), String(inAll)]
    const [command = '', ...args] = strace ? [needStrace(), ...strace, ...node] : node
    this.#child = spawn(command, args, { env: { ...process.env, NODE_COMPILE_CACHE: CACHE }, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child.stdout?.on('data', (bytes: Buffer) => (this.#said += bytes.toString()))
    this.#child.stderr?.on('data', (bytes: Buffer) => (this.#stderr += bytes.toString()))
    this.#ended = Promise.race([once(this.#child, 'close'), once(this.#child, 'error').then(([error]) => Promise.reject(error))])
    this.#ended.catch(() => {})
  }

  /** Whole lines only: what was cut off was not said. */
  get answered(): string[] {
    return this.#said
      .split('\n')
      .slice(0, -1)
      .filter((line) => line !== 'ready')
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  get stderr(): string {
    return this.#stderr
  }

  async untilAnswered(count: number): Promise<void> {
    while (this.answered.length < count) {
      if (this.hasEnded) throw new Error(`the writer ended early: ${this.#stderr}`)
      await pause(POLL_MS)
    }
  }

  /** @returns its exit code; `null` when a signal ended it. @throws when it could not be started. */
  async untilEnded(): Promise<number | null> {
    await this.#ended
    // A tracer ends the way its child did.
    return this.#child.signalCode ? null : this.#child.exitCode
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#ended
  }
}

/** Start as the server would and look: every thing that was answered is there, and no transaction is there by half. */
export async function expectThings(directory: string, answered: readonly string[], when: string): Promise<void> {
  const path = join(directory, 'things.sqlite')
  const db = openSqlite({ ...THINGS, path, create: isEmptyDirectory(directory) })
  const things = await db.read((reader) => reader.all('SELECT name, amount FROM things'))
  await db.close()
  const count = things.find(({ name }) => name === 'count')?.amount ?? 0n
  const names = new Set(things.map(({ name }) => name))
  names.delete('count')
  expect(
    answered.filter((name) => !names.has(name)),
    `answered and lost, ${when}`,
  ).toEqual([])
  expect(BigInt(names.size), `transactions by half, ${when}`).toBe(count)
}
