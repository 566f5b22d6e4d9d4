import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findFreePort } from '../../packages/platform-server/test/free-port.ts'
import { Stage } from '../stage/stage.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const WALK = /<!-- walk: terminal ([12]) -->\n```console\n([\s\S]*?)```/g
const HOME = '/tmp/market-walk'

interface Step {
  readonly command: string
  /** What the README says the command prints. */
  readonly prints: string
}

/** The walk of the README, terminal by terminal. */
function readWalk(terminal: string, home: string): Step[] {
  const blocks = [...readFileSync(join(ROOT, 'README.md'), 'utf8').matchAll(WALK)].filter((match) => match[1] === terminal)
  const text = blocks
    .map((match) => match[2])
    .join('')
    .replaceAll(HOME, home)
  return text
    .split(/^\$ /m)
    .slice(1)
    .map((step) => {
      const [command = '', ...lines] = step.split('\n')
      return { command, prints: lines.join('\n') }
    })
}

/** What differs from run to run says so; everything else must be as it is written. */
function normalize(text: string): string {
  return text
    .replace(/\b([a-z]+)_[0-9a-z]{26,32}\b/g, '$1_…')
    .replace(/\d{4}-\d\d-\d\dT[0-9:.]+Z/g, 'TIME')
    .replace(/(?:[0-9a-f]{4}-){7}[0-9a-f]{4}/g, 'FINGERPRINT')
    .replace(/Recovery key: \S+/g, 'Recovery key: …')
    .replace(/http:\/\/127\.0\.0\.1:\d+/g, 'ORIGIN')
    .replace(/"pid":\d+/g, '"pid":…')
    .replace(/(started {2}\S+) \d+/g, '$1 …')
    .trim()
}

class Terminal {
  readonly #shell
  #output = ''

  constructor(env: Record<string, string>) {
    this.#shell = spawn('sh', ['-s'], { cwd: ROOT, env: { ...process.env, NO_COLOR: '1', ...env }, detached: true })
    for (const stream of [this.#shell.stdout, this.#shell.stderr]) stream.on('data', (chunk: Buffer) => (this.#output += chunk))
    // What is said comes in the order in which it was said.
    this.type('exec 2>&1')
  }

  get output(): string {
    return this.#output
  }

  type(line: string): void {
    this.#shell.stdin.write(`${line}\n`)
  }

  async until(found: () => boolean, withinMs = 60_000): Promise<void> {
    const deadline = Date.now() + withinMs
    while (!found()) {
      if (Date.now() > deadline) throw new Error(`not seen in ${withinMs} ms:\n${this.#output}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  /** Run one command to its end. @returns what it printed. */
  async run(command: string): Promise<string> {
    const start = this.#output.length
    this.type(command)
    this.type('echo "[done $?]"')
    await this.until(() => this.#output.includes('[done ', start))
    return this.#output.slice(start).replace(/\[done \d+\]\n/, '')
  }

  /** End everything that was started here, and wait until it has ended. */
  async close(): Promise<void> {
    const group = -(this.#shell.pid ?? 0)
    const signal = (name: NodeJS.Signals | 0) => {
      try {
        return group !== 0 && process.kill(group, name)
      } catch {
        return false
      }
    }
    signal('SIGTERM')
    await this.until(() => !signal(0))
  }
}

test('the walk of the README, in two terminals, prints what the README says', { timeout: 300_000 }, async () => {
  await using stage = new Stage()
  const home = join(stage.directory, 'walk')
  const [control, relay] = [`127.0.0.1:${await findFreePort()}`, `127.0.0.1:${await findFreePort()}`]
  const env = {
    AGENT_MARKETPLACE_ADDR: control,
    AGENT_MARKETPLACE_RELAY_ADDR: relay,
    AGENT_MARKETPLACE_SERVER: `http://${control}`,
  }
  const first = new Terminal(env)
  const second = new Terminal(env)
  try {
    for (const { command, prints } of readWalk('1', home)) {
      first.type(command)
      await first.until(() => normalize(first.output).includes(normalize(prints)))
    }
    // Ids are copied from what was printed, as a person would.
    const ids = new Map<string, string>()
    for (const { command, prints } of readWalk('2', home)) {
      const copied = command.replace(/\b(?:task|asg)_[0-9a-z]{26}\b/g, (id) => ids.get(id) ?? id)
      const printed = await second.run(copied)
      expect(normalize(printed), command).toBe(normalize(prints))
      const said = [...prints.matchAll(/\b(?:task|asg)_[0-9a-z]{26}\b/g)].map(String)
      const real = [...printed.matchAll(/\b(?:task|asg)_[0-9a-z]{26}\b/g)].map(String)
      for (const [index, id] of said.entries()) ids.set(id, real[index] ?? id)
    }
  } finally {
    await first.close()
    await second.close()
  }
})
