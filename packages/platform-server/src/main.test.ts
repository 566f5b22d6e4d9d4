import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { constants, getPriority, tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateSigningKey } from '@agent-marketplace/protocol/signing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { proveKey, signCard, signPrekey } from '../test/platform.ts'
import { listen } from './listen.ts'

const MAIN = join(import.meta.dirname, 'main.ts')
const CONTROL = ['--listen', '127.0.0.1:0']
const RELAY = ['--relay-listen', '127.0.0.1:0']
const FREE = [...CONTROL, ...RELAY]

let directory: string
const started = new Set<ReturnType<typeof start>>()

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'main-'))
})
afterEach(async () => {
  await Promise.all([...started].map((each) => each.stop('SIGKILL')))
  started.clear()
  rmSync(directory, { recursive: true, force: true })
})

/** @param limits - Shell commands that come first. */
function start(args: readonly string[], { env = {}, limits = '' }: { env?: Record<string, string>; limits?: string } = {}) {
  const command = [process.execPath, '--conditions=source', MAIN, '--data', join(directory, 'data'), ...args]
  // The widest umask there is: what the server makes must be closed nevertheless.
  const child = spawn('/bin/sh', ['-c', `umask 000; ${limits} exec "$@"`, 'sh', ...command], { env: { ...process.env, ...env } })
  const output = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk) => (output.stdout += chunk))
  child.stderr.on('data', (chunk) => (output.stderr += chunk))
  const ended = once(child, 'close').then(([exitCode]) => ({ exitCode: exitCode as number | null, ...output }))
  const running = {
    ended,
    async ready(): Promise<{ event: string; origin?: string; relayOrigin?: string; pid: number }> {
      while (!output.stdout.includes('\n')) await Promise.race([once(child.stdout, 'data'), ended.then(fail)])
      return JSON.parse(output.stdout)
    },
    async stop(signal: NodeJS.Signals) {
      child.kill(signal)
      return ended
    },
  }
  started.add(running)
  return running
}

function fail(ended: object): never {
  throw new Error(`it ended: ${JSON.stringify(ended)}`)
}

async function info(origin: string | undefined): Promise<Record<string, unknown>> {
  const answer = await fetch(`${origin}/trpc/server.info`)
  return ((await answer.json()) as { result: { data: Record<string, unknown> } }).result.data
}

test('both planes come up on free ports, say where on one line, and stop at SIGTERM with exit 0', async () => {
  const server = start(FREE)
  const { origin, relayOrigin, ...rest } = await server.ready()

  expect(rest).toEqual({ event: 'listening', pid: expect.any(Number) })
  expect(await info(origin)).toMatchObject({ origin, relayOrigins: [relayOrigin], registration: 'open' })
  expect((await fetch(`${origin}/readyz`)).status).toBe(200)
  expect((await fetch(`${relayOrigin}/relay/v1/feed?after=0&wait=0`)).status).toBe(200)
  expect(await server.stop('SIGTERM')).toMatchObject({ exitCode: 0 })
})

test('an installation keeps its id, and nobody else on the machine can read it', async () => {
  const first = start(FREE)
  const { instanceId } = await info((await first.ready()).origin)
  await first.stop('SIGINT')
  const second = start(FREE)

  expect((await info((await second.ready()).origin)).instanceId).toBe(instanceId)
  const data = join(directory, 'data')
  const open = readdirSync(data, { recursive: true, encoding: 'utf8' }).filter((name) => statSync(join(data, name)).mode & 0o077)
  expect(statSync(data).mode & 0o777).toBe(0o700)
  expect(open).toEqual([])
})

test('one plane can run alone', async () => {
  const control = start([...CONTROL, '--plane', 'control'])
  expect(await control.ready()).toEqual({ event: 'listening', origin: expect.any(String), pid: expect.any(Number) })
  await control.stop('SIGTERM')
  const relay = start([...RELAY, '--plane', 'relay'])
  expect(await relay.ready()).toEqual({ event: 'listening', relayOrigin: expect.any(String), pid: expect.any(Number) })
})

test('on a single core garbage is collected in place, and the threads of V8 run when nothing else does, under the pid that was started', async () => {
  const core = /^Cpus_allowed_list:\s+([0-9]+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
  const server = start(FREE, { limits: `taskset -cp ${core} $$ >/dev/null &&` })
  const { pid } = await server.ready()
  const about = (path: string) => readFileSync(`/proc/${pid}/${path}`, 'utf8')
  const threads = readdirSync(`/proc/${pid}/task`).map((id) => ({
    name: about(`task/${id}/comm`).trim(),
    nice: getPriority(Number(id)),
  }))
  const workers = threads.filter(({ name }) => name === 'V8Worker')

  expect(about('cmdline').split('\0')).toContain('--single-threaded-gc')
  expect(workers).not.toEqual([])
  expect(workers.filter(({ nice }) => nice !== constants.priority.PRIORITY_LOW)).toEqual([])
  expect(await server.stop('SIGTERM')).toMatchObject({ exitCode: 0 })
})

test('nothing of the memory of a server goes into a core of it', async () => {
  const { pid } = await start(FREE).ready()

  expect(Number.parseInt(readFileSync(`/proc/${pid}/coredump_filter`, 'utf8'), 16)).toBe(0)
})

test('a request that was sent before SIGTERM over an accepted connection is answered', async () => {
  const server = start(FREE)
  const { port } = new URL((await server.ready()).origin ?? '')
  const sockets = Array.from({ length: 50 }, () => connect(Number(port), '127.0.0.1'))
  const ask = (socket: Socket) => socket.write('GET /trpc/server.info HTTP/1.1\r\nHost: localhost\r\n\r\n')
  const said = sockets.map(() => '')
  for (const [index, socket] of sockets.entries())
    socket.setEncoding('latin1').on('data', (text: string) => (said[index] += text))
  const countAnswered = (times: number) =>
    said.filter((text) => text.endsWith('}') && text.match(/HTTP\/1.1 200 OK/g)?.length === times).length
  // Once one request on each was answered, the server has accepted them all.
  for (const socket of sockets) ask(socket)
  await expect.poll(() => countAnswered(1), { timeout: 30_000 }).toBe(sockets.length)
  const closed = sockets.map((socket) => once(socket, 'close'))
  for (const socket of sockets) ask(socket)
  const stopped = server.stop('SIGTERM')
  await Promise.all(closed)

  expect(countAnswered(2)).toBe(sockets.length)
  expect(await stopped).toMatchObject({ exitCode: 0 })
})

test('a bad configuration ends with 78 and one line for each fault', async () => {
  const { exitCode, stdout, stderr } = await start(['--plane', 'no', '--fee-bps', 'no']).ended

  expect({ exitCode, stdout }).toEqual({ exitCode: 78, stdout: '' })
  expect(stderr.split('\n')).toEqual([
    'platform-server: --plane: expected both or control or relay',
    'platform-server: --fee-bps: expected a whole number from 0 to 10000',
    '',
  ])
})

test('an unknown command ends with 2 and one line', async () => {
  const { exitCode, stderr } = await start(['ledger', 'burn']).ended

  expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: 'platform-server: unknown command; see platform-server --help\n' })
})

test('help and version are printed without a look at the configuration', async () => {
  const help = await start(['--help'], { env: { AGENT_MARKETPLACE_PLANE: 'no' } }).ended
  const version = await start(['--version']).ended

  expect(help).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('AGENT_MARKETPLACE_DATABASE_URL') })
  expect(version).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) })
})

test('an address that is taken ends with 78 and one line', async () => {
  const holder = createServer()
  const port = await listen(holder, { host: '127.0.0.1', port: 0 })
  const { exitCode, stderr } = await start(['--listen', `127.0.0.1:${port}`, '--plane', 'control']).ended
  holder.close()

  expect(exitCode).toBe(78)
  expect(stderr).toMatch(/^platform-server: [^\n]*EADDRINUSE[^\n]*\n$/)
})

test('data of somebody else ends with 78 and one line, and stays as it was', async () => {
  const file = join(directory, 'data', 'platform.sqlite')
  mkdirSync(join(directory, 'data'))
  writeFileSync(file, 'not a database, but a letter')
  const { exitCode, stderr } = await start(FREE).ended

  expect(exitCode).toBe(78)
  expect(stderr).toMatch(/^platform-server: [^\n]+\n$/)
  expect(readFileSync(file, 'utf8')).toBe('not a database, but a letter')
})

test('a second server over the same data ends with 78', async () => {
  await start(FREE).ready()

  expect(await start(FREE).ended).toMatchObject({ exitCode: 78, stderr: expect.stringContaining('in use by another process') })
})

test('a storage that fails ends the server with 74, and what was under way is not answered as done', async () => {
  // No file may grow beyond 1 MiB: a write fails in the middle, as on a broken disk.
  const server = start([...CONTROL, '--plane', 'control', '--rate-limits', 'off'], { limits: 'ulimit -f 2048;' })
  const { origin = '' } = await server.ready()
  const statuses = new Set<number>()
  for (let count = 0; count < 500 && !statuses.has(503); count++) statuses.add(await register(origin, `agent-${count}`))

  expect([...statuses]).toEqual([200, 503])
  expect(await server.ended).toMatchObject({ exitCode: 74, stderr: expect.stringContaining('storage.failed') })
})

async function register(origin: string, agentId: string): Promise<number> {
  const keys = generateSigningKey()
  const nowMs = Date.now()
  const input = {
    card: signCard(keys, { agentId, nowMs }),
    proof: proveKey(keys, { agentId, audience: origin, nowMs }),
    prekey: signPrekey(keys, { agentId, nowMs }),
  }
  const { status } = await fetch(`${origin}/trpc/identity.register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': agentId },
    body: JSON.stringify(input),
  })
  return status
}
