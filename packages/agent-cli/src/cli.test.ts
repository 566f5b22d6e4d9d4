import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeTestHome } from './test-home.ts'
import { CutConnection, startTestPlatform, TEST_TOKEN, type TestPlatform, TestRefusal } from './test-platform.ts'

const taskId = `task_${'0'.repeat(26)}`
/** From here on something happens ten times a second. */
const ENDLESS = 1_000
const root = join(import.meta.dirname, '..')

/** The program as it was built. */
const program = join(root, 'bin', 'run.js')

function start(args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  return spawn(process.execPath, [program, ...args], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

async function end(child: ChildProcess): Promise<Ended> {
  let out = ''
  let err = ''
  child.stdout?.on('data', (chunk) => {
    out += chunk
  })
  child.stderr?.on('data', (chunk) => {
    err += chunk
  })
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, out, err }
}

let server: TestPlatform
let home: ReturnType<typeof makeTestHome>
let env: NodeJS.ProcessEnv
const run = (args: string[], change: NodeJS.ProcessEnv = {}) => end(start(args, { ...env, ...change }))
/** Exactly one JSON document, and nothing else. */
const jsonOf = ({ out, err }: Ended): unknown => {
  expect(err).toBe('')
  expect(out.trimEnd().split('\n')).toHaveLength(1)
  return JSON.parse(out)
}

beforeAll(async () => {
  home = makeTestHome('am cli 🗝 ')
  server = await startTestPlatform({
    'tasks.createTask': ({ input }, times) => {
      if ((input as { reviewRule: string }).reviewRule === 'majority' && times < 3) throw new CutConnection()
      return { taskId }
    },
    'tasks.getTask': () => {
      throw new TestRefusal('not_found', { message: 'no such task', requestId: 'req-1' })
    },
    'settlement.balance': () => ({ available: '5.25', held: '0' }),
    'registry.declareCapabilities': ({ input }) => ({ agentId: 'worker', ...(input as object) }),
    'events.wait': async ({ input }) => {
      const { after } = input as { after: number }
      if (after === 2) await new Promise(() => undefined)
      if (after >= ENDLESS) await new Promise((resolve) => setTimeout(resolve, 100))
      const seq = after + 1
      return { events: [{ eventId: `evt_${'0'.repeat(26)}`, seq, kind: 'deposit.credited', atMs: seq }], cursor: seq }
    },
    'tasks.listTasks': () => new Promise(() => undefined),
  })
  env = { AGENT_MARKETPLACE_HOME: join(home.path, 'home'), AGENT_MARKETPLACE_SERVER: server.origin, HOME: home.path }
  const registered = await run(['register', '--agent-id', 'worker', '--capability', 'text.extract:2:5', '--json'])
  expect(jsonOf(registered)).toMatchObject({ agentId: 'worker', outcome: 'registered', recoveryKey: expect.any(String) })
})

afterAll(async () => {
  await server[Symbol.asyncDispose]()
  home[Symbol.dispose]()
})

test('registration declared the capability, and everything it wrote is private', () => {
  expect(server.asked.find(({ name }) => name === 'registry.declareCapabilities')?.input).toEqual({
    capabilities: [{ name: 'text.extract', maxConcurrency: 2, price: '5' }],
  })
  for (const entry of readdirSync(join(home.path, 'home'), { recursive: true, withFileTypes: true }))
    expect([entry.name, statSync(join(entry.parentPath, entry.name)).mode & 0o777]).toEqual([
      entry.name,
      entry.isDirectory() ? 0o700 : 0o600,
    ])
})

test('a result is text for people and one JSON document for programs', async () => {
  expect(await run(['balance'])).toEqual({ code: 0, out: 'Available: 5.25\nHeld: 0\n', err: '' })
  expect(jsonOf(await run(['balance', '--json']))).toEqual({ available: '5.25', held: '0' })
})

test('a refusal, a wrong command line and an unknown command are JSON too, with their exit codes', async () => {
  const refused = await run(['task', 'show', '--task-id', taskId, '--json'])
  expect([refused.code, jsonOf(refused)]).toEqual([
    4,
    { error: { code: 'not_found', message: 'no such task', requestId: 'req-1' } },
  ])

  for (const args of [
    ['task', 'show', '--json'],
    ['task', 'show', '--json', '--nonsense'],
    ['--json', 'nonsense'],
    ['task', 'create', '--timeout', 'x', '--json'],
  ]) {
    const wrong = await run(args)
    expect([wrong.code, jsonOf(wrong)]).toMatchObject([2, { error: { code: 'usage', message: expect.any(String) } }])
  }
})

test('without --json an error is on stderr, without a stack', async () => {
  const refused = await run(['task', 'show', '--task-id', taskId])
  expect(refused).toEqual({ code: 4, out: '', err: 'Error: no such task (not_found)\nRequest: req-1\n' })
})

test('after a lost reply the same command finds out, under the same key', async () => {
  const create = ['task', 'create', '--review-rule', 'majority', '--timeout', '1', '--json']
  const keys = () =>
    server.asked.filter(({ input }) => (input as { reviewRule?: string }).reviewRule === 'majority').map(({ key }) => key)
  let done = await run(create)
  while (done.code !== 0) {
    expect(jsonOf(done)).toMatchObject({ error: { code: 'unreachable', idempotencyKey: keys()[0] } })
    done = await run(create)
  }
  expect(jsonOf(done)).toEqual({ taskId })
  expect(keys().length).toBeGreaterThan(1)
  expect(new Set(keys()).size).toBe(1)
})

test('an alias does what the command does', async () => {
  expect(jsonOf(await run(['create-task', '--json']))).toEqual({ taskId })
})

test('a stream is one JSON object a line and ends without an error', async () => {
  // A busy machine may need longer for two of them.
  const follow = async (seconds: number): Promise<Ended> => {
    const ended = await run(['events', 'follow', '--after', '0', '--timeout', String(seconds), '--json'])
    return ended.out.includes('"seq":2') || seconds > 60 ? ended : follow(2 * seconds)
  }
  const { code, out, err } = await follow(2)
  expect([code, err]).toEqual([0, ''])
  expect(
    out
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { seq: number }).seq),
  ).toEqual([1, 2])
})

test('a reader that leaves ends a stream, which is no error', async () => {
  const child = start(['events', 'follow', '--after', String(ENDLESS), '--json'], env)
  child.stdout?.once('data', () => child.stdout?.destroy())
  const code = await Promise.race([
    once(child, 'exit').then(([exit]) => exit as number),
    new Promise((resolve) => setTimeout(resolve, 60_000, 'still running')),
  ])
  child.kill('SIGKILL')
  expect(code).toBe(0)
})

test('SIGINT ends a waiting command with 130', async () => {
  const child = start(['task', 'list', '--json'], env)
  const ended = end(child)
  while (!server.names().includes('tasks.listTasks')) await new Promise((resolve) => setTimeout(resolve, 50))
  child.kill('SIGINT')
  const { code, out } = await ended
  expect(code).toBe(130)
  expect(JSON.parse(out)).toEqual({ error: { code: 'interrupted', message: 'interrupted' } })
})

test('local state that cannot be trusted is exit 7, and nothing is sent', async () => {
  const exposed = join(home.path, 'exposed')
  mkdirSync(join(exposed, 'profiles', 'default'), { recursive: true, mode: 0o700 })
  writeFileSync(join(exposed, 'profiles', 'default', 'keyring.json'), '{}')
  chmodSync(join(exposed, 'profiles', 'default', 'keyring.json'), 0o644)
  const calls = server.asked.length

  for (const where of [exposed, '/proc/none', join(home.path, 'empty')]) {
    const refused = await run(['balance', '--json'], { AGENT_MARKETPLACE_HOME: where })
    expect([refused.code, jsonOf(refused)]).toEqual([7, { error: expect.objectContaining({ code: 'local_state' }) }])
  }
  expect(server.asked).toHaveLength(calls)
})

test('plain http to another machine and a secret on the command line are refused before anything is sent', async () => {
  const calls = server.asked.length
  const plain = await run(['balance', '--server', 'http://market.test', '--json'])
  expect([plain.code, jsonOf(plain)]).toMatchObject([2, { error: { code: 'usage' } }])

  const secret = await run(['register', '--agent-id', 'worker', '--registration-token', 'secret-1', '--json'])
  expect([secret.code, jsonOf(secret)]).toMatchObject([2, { error: { code: 'usage' } }])
  expect(secret.out).not.toContain('secret-1')
  expect(server.asked).toHaveLength(calls)
})

test('neither output nor errors show a session token, but for the command that makes one', async () => {
  const made = await run(['token', 'create', '--json'])
  expect(jsonOf(made)).toMatchObject({ token: TEST_TOKEN })
  const debugged = await run(['task', 'show', '--task-id', taskId], { DEBUG: '*' })
  expect(debugged.code).toBe(4)
  expect(debugged.out + debugged.err).not.toContain(TEST_TOKEN)
})

test('a token is made for as long as is asked for, at most an hour', async () => {
  await run(['token', 'create', '--ttl', '5m', '--json'])
  expect(server.asked.at(-1)).toMatchObject({ name: 'identity.openSession', input: { ttlMs: 300_000 } })
  const calls = server.asked.length

  const long = await run(['token', 'create', '--ttl', '2h', '--json'])
  expect([long.code, jsonOf(long)]).toMatchObject([2, { error: { code: 'usage', message: 'a token is good for 1s to 1h' } }])
  expect(server.asked).toHaveLength(calls)
})

test('without a terminal nobody is asked: leaving the platform needs --yes', async () => {
  const refused = await run(['deregister', '--json'])
  expect([refused.code, jsonOf(refused)]).toMatchObject([2, { error: { code: 'usage', hint: 'add --yes' } }])
})

test('a service is given every flag of its daemon, also those that say how private it is, and no password', async () => {
  const install = ['daemon', 'install', '--dry-run', '--json']
  const unitOf = async (args: string[], change = {}) =>
    (jsonOf(await run([...install, ...args], change)) as { content: string }).content
  const proxy = 'socks5://127.0.0.1:9050'

  const ofLine = await unitOf(['--handoff-delay', 'private', '--relay-proxy', proxy])
  for (const word of ['--handoff-delay', 'private', '--relay-proxy', proxy]) expect(ofLine).toContain(word)
  const ofShell = await unitOf([], { AGENT_MARKETPLACE_HANDOFF_DELAY: 'balanced', AGENT_MARKETPLACE_RELAY_PROXY: proxy })
  for (const word of ['--handoff-delay', 'balanced', '--relay-proxy', proxy]) expect(ofShell).toContain(word)
  const refused = await run(install, { AGENT_MARKETPLACE_RELAY_PROXY: 'http://me:secret@proxy.test:1' })
  expect(refused).toMatchObject({ code: 2, out: expect.not.stringContaining('secret') })
})
