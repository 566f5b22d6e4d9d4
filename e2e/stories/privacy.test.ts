import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findJoins, valuesOf } from '../../packages/agent-cli/src/audit/join-planes.ts'
import { searchMarks, searchText, type TextMark } from '../../packages/agent-cli/src/audit/search-marks.ts'
import { workerSource } from '../stage/canary-worker.ts'
import { hire, openMarket, untilState } from '../stage/market.ts'
import { type RecordedPlane, recordPlane } from '../stage/recorded-planes.ts'
import { Stage, type StagedAgent } from '../stage/stage.ts'
import { asHaystack, databasesIn, valuesInDatabase } from '../stage/stored-values.ts'

const ENDED = ['passed', 'failed', 'expired', 'declined', 'cancelled']
const mark = (from: string): TextMark => ({ from, text: `canary-${from}-7f3a91c2` })
const FIELDS = ['instructions', 'input', 'filename', 'schema', 'rules', 'result', 'resultname', 'stderr', 'tests']
const FREE = ['message', 'long', 'broadcast', 'handoff', 'handoffname', 'delay', 'private', 'oversize', 'blob']
const marks = [...FIELDS, ...FREE].map(mark)
const of = (from: string) => mark(from).text

const stage = new Stage()
let platform: RecordedPlane
let relay: RecordedPlane
let metrics = ''
let audited: { exit: number | null; stdout: string }
const answers: string[] = []

async function run(agent: StagedAgent, ...args: string[]): Promise<void> {
  const ended = await agent.run([...args, '--json'])
  if (ended.exit !== 0) throw new Error(`${args.join(' ')}: ${ended.stdout}${ended.stderr}`)
}

/** Run a command until what it waits for has arrived. */
async function eventually(agent: StagedAgent, ...args: string[]): Promise<void> {
  for (let left = 60; left > 0; left--) if ((await agent.run([...args, '--json'])).exit === 0) return
  await run(agent, ...args)
}

/** Messages of the buyer, once there are so many of a kind. */
async function arrived(agent: StagedAgent, typ: string, count: number): Promise<{ messageId: string; typ: string }[]> {
  for (let left = 60; left > 0; left--) {
    const { messages } = await agent.json('inbox', '--wait', '2', '--from', 'buyer', '--limit', '100')
    const all = messages as { messageId: string; typ: string }[]
    if (all.filter((message) => message.typ === typ).length >= count) return all
  }
  throw new Error(`no ${typ} came`)
}

function orderFlags(work: string, mode: string): string[] {
  const schema = { type: 'object', title: of('schema'), properties: { [of('schema')]: { type: 'string' } } }
  const rules = { version: 1, rules: [{ id: of('rules'), pointer: '/value', op: 'eq', value: of('result') }] }
  return [
    ...['order', 'send', '--assignment-id', work, '--instructions', `${of('instructions')} mode:${mode}`],
    ...['--file', stage.file(`${of('filename')}.txt`, `${of('input')} one@example.org\n`)],
    ...['--schema', `@${stage.file('schema.json', JSON.stringify(schema))}`],
    ...['--rules', `@${stage.file('rules.json', JSON.stringify(rules))}`],
  ]
}

// Every flow there is, once, with marks wherever something private goes; then the server stops, and everything it was told and kept is looked at.
beforeAll(async () => {
  platform = await recordPlane()
  relay = await recordPlane()
  await stage.server.start(
    ['--origin', platform.origin, '--relay-origin', relay.origin, '--relay-tokens', 'on', '--log-level', 'debug'],
    {
      listen: platform.listen,
      relayListen: relay.listen,
    },
  )
  const { buyer, executor, reviewer } = await openMarket(stage)
  const idle = stage.agent('idle')
  await run(idle, 'register', '--agent-id', 'idle', '--capability', 'text.extract:9:10')
  const worker = stage.file(
    'worker.mjs',
    workerSource({ result: of('result'), resultName: of('resultname'), stderr: of('stderr') }),
  )
  const daemons = [executor.daemon('--exec', `"${process.execPath}" "${worker}"`), reviewer.daemon()]

  // Work that passes, fails, passes at the second attempt, and crashes: all at once.
  await run(executor, 'capabilities', 'declare', '--capabilities', 'text.extract', '--max-concurrency', '4', '--price', '10')
  await run(reviewer, 'capabilities', 'declare', '--capabilities', 'review.json', '--max-concurrency', '4', '--price', '1')
  const begin = async (mode: string, ...flags: string[]) => {
    const { work } = await hire(buyer, flags)
    await run(buyer, ...orderFlags(work, mode))
    return work
  }
  const [good, bad, rework] = [await begin('good'), await begin('bad'), await begin('rework', '--max-attempts', '2')]
  await begin('crash')

  // Work nobody does: declined, expired, cancelled; each with its order.
  const tests = join(stage.directory, 'tests')
  mkdirSync(tests)
  chmodSync(stage.file('tests/run', `#!/bin/sh\n# ${of('tests')}\n`), 0o700)
  const { taskId } = await buyer.json('task', 'create')
  const forIdle = ['assign', '--task-id', taskId, '--assignee-agent-id', 'idle', '--kind', 'execute']
  const [expiring, declined, cancelled] = [
    await buyer.json(...forIdle, '--accept-within', '5s'),
    await buyer.json(...forIdle),
    await buyer.json(...forIdle),
  ].map(({ assignmentId }) => String(assignmentId)) as [string, string, string]
  // Whether this one is in time or not: what it said must not stay anywhere.
  await buyer.run([...orderFlags(expiring, 'good'), '--json'])
  for (const work of [declined, cancelled]) await run(buyer, ...orderFlags(work, 'good'), '--tests', tests)
  await run(buyer, 'assignment', 'cancel', '--assignment-id', cancelled)
  await eventually(idle, 'order', 'show', '--assignment-id', declined, '--out', join(stage.directory, 'declined'))
  await run(idle, 'assignment', 'decline', '--assignment-id', declined)
  expect(await untilState(buyer, expiring, ENDED)).toBe('expired')

  // Messages short, long and to many; files; receipts; a drop that rests.
  await run(buyer, 'message', 'send', '--to', 'idle', '--text', of('message'))
  await run(buyer, 'message', 'send', '--to', 'idle', '--text', `@${stage.file('long.txt', `${of('long')} `.repeat(5_000))}`)
  await run(buyer, 'message', 'broadcast', '--capability', 'text.extract', '--text', of('broadcast'))
  const files = stage.file(`${of('handoffname')}.bin`, `${of('handoff')}\n`.repeat(20_000))
  await run(buyer, 'handoff', 'send', '--to', 'idle', '--file', files)
  await run(buyer, 'message', 'send', '--to', 'idle', '--text', of('delay'), '--handoff-delay', 'private')
  await arrived(idle, 'handoff.files', 1)
  for (const { messageId, typ } of await arrived(idle, 'message.text', 2)) {
    const out = typ === 'handoff.files' ? ['--out', join(stage.directory, 'handed')] : []
    await run(idle, 'inbox', 'read', messageId, ...out)
    await run(idle, 'inbox', 'ack', messageId)
  }
  await run(buyer, 'outbox')

  expect(await Promise.all([good, bad, rework].map((work) => untilState(buyer, work, ENDED)))).toEqual([
    'passed',
    'failed',
    'passed',
  ])
  await run(buyer, 'work', 'fetch', '--assignment-id', good, '--out', join(stage.directory, 'result'))
  await daemons[0]?.line(({ event, code }) => event === 'warning' && code === 'work_stalled')

  // Opaque bytes of another tool are seen by the relay, and gone from it once deleted.
  const slot = await buyer.json('relay', 'put', '--file', stage.file('blob.bin', of('blob')))
  const secret = (name: string, text: string) => {
    const path = stage.file(name, text)
    chmodSync(path, 0o600)
    return `@${path}`
  }
  const caps = ['--read-cap', secret('read.cap', String(slot.readCap))]
  await run(buyer, 'relay', 'get', ...caps, '--out', join(stage.directory, 'blob.out'))
  await run(buyer, 'relay', 'delete', ...caps, '--delete-cap', secret('delete.cap', String(slot.deleteCap)))

  await refusals(buyer)
  audited = await buyer.run(['privacy', 'audit', '--data', stage.server.dataDirectory])
  metrics = await (await fetch(`${platform.origin}/metrics`)).text()
  await Promise.all(daemons.map((daemon) => daemon.stop()))
  await stage.server.stop()
}, 300_000)
afterAll(async () => {
  await stage[Symbol.asyncDispose]()
  await platform[Symbol.asyncDispose]()
  await relay[Symbol.asyncDispose]()
})

/** Private words where they do not belong, on purpose, straight to the server: what it refuses it must not keep or repeat. */
async function refusals(buyer: StagedAgent): Promise<void> {
  const private_ = of('private')
  for (const args of [
    ['assign', '--task-id', private_, '--assignee-agent-id', 'executor', '--kind', 'execute'],
    ['assignment', 'show', '--assignment-id', private_],
  ])
    expect((await buyer.refused(...args)).exit).toBe(2)
  const { token } = await buyer.json('token', 'create')
  const direct = `http://${platform.listen}`
  const post = (path: string, body: string, headers: Record<string, string> = {}) =>
    fetch(direct + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}`, 'idempotency-key': 'canary', ...headers },
      body,
    })
  const refused = [
    post('/trpc/tasks.createTask', JSON.stringify({ prompt: private_ })),
    post('/trpc/tasks.createTask', JSON.stringify({ reviewRule: private_ })),
    post('/trpc/tasks.createTask', `{"${private_}": `),
    post('/trpc/tasks.createTask', JSON.stringify({ [private_]: 1 })),
    post('/trpc/tasks.createTask', '{}', { authorization: `Bearer ${private_}` }),
    post('/trpc/tasks.createTask', '{}', { 'idempotency-key': `${private_}!` }),
    post(`/trpc/${private_}`, '{}'),
    post('/trpc/tasks.createTask', JSON.stringify({ reviewRule: of('oversize').repeat(4_000) })),
    fetch(`${direct}/${private_}?input=${private_}`),
    fetch(`http://${relay.listen}/relay/v1/slots/${private_}`, {
      method: 'PUT',
      body: private_,
      headers: { 'relay-ttl': private_ },
    }),
    fetch(`http://${relay.listen}/relay/v1/${private_}`),
  ]
  for (const answer of await Promise.all(refused)) {
    expect(answer.ok).toBe(false)
    answers.push(await answer.text())
  }
}

const server = () => [stage.server.dataDirectory, stage.server.logFile]

test('marks in every flow, also those that fail, are nowhere on the platform: databases, logs, blobs, names', () => {
  const stored = searchMarks(server(), marks)
  expect(stored.hits).toEqual([])
  expect(stored.bytes).toBeGreaterThan(1_000_000)
  // Where they belong they are found, each of them: the search can find them.
  const homes = ['buyer', 'executor', 'reviewer', 'idle', 'handed'].map((name) => join(stage.directory, name))
  const sealed = marks.filter(({ from }) => !['private', 'oversize', 'blob', 'stderr'].includes(from))
  const found = new Set(searchMarks(homes, sealed).hits.map((hit) => hit.mark.from))
  expect(sealed.map(({ from }) => from).filter((from) => !found.has(from))).toEqual([])
})

test('marks are in nothing the platform or the relay was sent or answered, nor in metrics and refusals', () => {
  const asked = (plane: RecordedPlane) =>
    Buffer.concat(plane.requests.flatMap(({ path, headers, body }) => [Buffer.from(`${path}\n${headers.join('\n')}\n`), body]))
  expect(platform.requests.length).toBeGreaterThan(100)
  expect(relay.requests.length).toBeGreaterThan(100)
  const sealed = marks.filter(({ from }) => from !== 'blob')
  expect(searchText(asked(platform), marks, 'requests to the platform')).toEqual([])
  expect(searchText(asked(relay), sealed, 'requests to the relay')).toEqual([])
  expect(searchText(Buffer.concat(platform.answers), marks, 'answers of the platform')).toEqual([])
  expect(searchText(Buffer.concat(relay.answers), sealed, 'answers of the relay')).toEqual([])
  expect(searchText([...answers, metrics].join('\n'), marks, 'refusals and metrics')).toEqual([])
  expect(answers.length).toBeGreaterThan(8)
  expect(metrics).not.toBe('')
})

test('the audit a user can run says the same, and what each side was told', () => {
  expect([audited.exit, audited.stdout]).toEqual([0, expect.stringContaining('review.submitVerdict ×1: ')])
  for (const check of ['search', 'sent', 'joined', 'elsewhere', 'stored']) expect(audited.stdout).toContain(`ok   ${check}: `)
  expect(audited.stdout).not.toContain('not searched')
})

test('blobs have random names, and their times say the hour and nothing more', () => {
  const blobs = join(stage.server.dataDirectory, 'relay', 'blobs')
  const files = readdirSync(blobs, { recursive: true, encoding: 'utf8' }).filter((name) => lstatSync(join(blobs, name)).isFile())
  expect(files.length).toBeGreaterThan(10)
  for (const name of files) {
    // Not when it was read: the searches of this story have read it.
    const { mtimeMs, size } = lstatSync(join(blobs, name))
    expect([name, mtimeMs % 3_600_000]).toEqual([name, 0])
    expect([16_384, 65_536, 262_144, 1_048_576, 4_194_304]).toContain(size)
  }
})

test('no value of six bytes or more that one plane stores or logs is stored or logged by the other', () => {
  const paths = databasesIn(stage.server.dataDirectory)
  const isRelay = (path: string) => path.endsWith(join('relay', 'relay.sqlite'))
  const ofPlatform = paths.filter((path) => !isRelay(path)).flatMap(valuesInDatabase)
  const ofRelay = paths.filter(isRelay).flatMap(valuesInDatabase)
  expect(ofPlatform.length).toBeGreaterThan(500)
  expect(ofRelay.length).toBeGreaterThan(100)

  const log = existsSync(stage.server.logFile) ? readFileSync(stage.server.logFile) : Buffer.alloc(0)
  const blobNames = readdirSync(join(stage.server.dataDirectory, 'relay', 'blobs'), { recursive: true }).join('\n')
  const inRelay = searchText(Buffer.concat([asHaystack(ofRelay), Buffer.from(blobNames)]), ofPlatform, 'relay')
  const inPlatform = searchText(Buffer.concat([asHaystack(ofPlatform), log]), ofRelay, 'platform')
  expect([...inRelay, ...inPlatform].map(({ mark: { from }, form, where }) => ({ from, form, where }))).toEqual([])
})

test('no value that was sent on one plane was sent on the other', () => {
  expect(valuesOf(relay.requests).length).toBeGreaterThan(200)
  expect(findJoins(relay.requests, platform.requests)).toEqual([])
  // Bodies are sealed: that nothing shines through them is the business of the marks.
  const heads = relay.requests.map((request) => ({ ...request, body: Buffer.alloc(0) }))
  expect(findJoins(platform.requests, heads)).toEqual([])
})
