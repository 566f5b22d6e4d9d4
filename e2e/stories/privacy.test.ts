import { writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { searchMarks, searchText, type TextMark } from '../../packages/agent-cli/src/audit/search-marks.ts'
import { hire, openMarket, untilState } from '../stage/market.ts'
import { Stage } from '../stage/stage.ts'

const DECIDED = ['passed', 'failed', 'expired', 'declined', 'cancelled']

/** Everything that two planes were sent and answered, recorded by a proxy in front of the platform. */
async function record(target: string): Promise<{ origin: string; heard: Buffer[]; close: () => Promise<void> }> {
  const heard: Buffer[] = []
  const note = (message: IncomingMessage) => {
    heard.push(Buffer.from(`${message.method ?? message.statusCode} ${message.url}\n${message.rawHeaders.join('\n')}\n`))
    message.on('data', (chunk: Buffer) => heard.push(chunk))
  }
  const server: Server = createServer((incoming, outgoing) => {
    note(incoming)
    const { hostname, port } = new URL(target)
    const forward = request(
      { hostname, port, path: incoming.url, method: incoming.method, headers: incoming.headers },
      (answer) => {
        note(answer)
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
        answer.pipe(outgoing)
      },
    )
    forward.on('error', () => outgoing.destroy())
    incoming.pipe(forward)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = () => {
    server.closeAllConnections()
    return new Promise<void>((resolve) => server.close(() => resolve()))
  }
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, heard, close }
}

test('marks in every field of a job are found nowhere on the platform: not stored, logged, answered or sent', {
  timeout: 180_000,
}, async () => {
  await using stage = new Stage()
  const mark = (from: string): TextMark => ({ from, text: `canary-${from}-7f3a91c2` })
  const marks = [
    'instructions',
    'input',
    'filename',
    'schema',
    'rules',
    'result',
    'resultname',
    'message',
    'handoff',
    'stderr',
    'private',
  ].map(mark)
  const of = (from: string) => mark(from).text

  await stage.server.start()
  const relay = await record(stage.server.relayOrigin)
  const { buyer, executor, reviewer } = await openMarket(stage)
  for (const agent of [buyer, executor, reviewer]) agent.variables.AGENT_MARKETPLACE_RELAY = relay.origin

  const input = stage.file(`${of('filename')}.txt`, `${of('input')} one@example.org\n`)
  const schema = { type: 'object', title: of('schema'), properties: { [of('schema')]: { type: 'string' } } }
  const rules = { version: 1, rules: [{ id: of('rules'), pointer: '/value', op: 'eq', value: of('result') }] }
  const worker = stage.file('worker.mjs', workerSource(of('result'), of('resultname'), of('stderr')))
  const flags = (work: string) => [
    ...['order', 'send', '--assignment-id', work, '--instructions', of('instructions'), '--file', input],
    ...[
      '--schema',
      `@${stage.file('schema.json', JSON.stringify(schema))}`,
      '--rules',
      `@${stage.file('rules.json', JSON.stringify(rules))}`,
    ],
  ]
  const run = async (agent: typeof buyer, args: readonly string[]) => {
    const ended = await agent.run([...args, '--json'])
    if (ended.exit !== 0) throw new Error(`${args.join(' ')}: ${ended.stdout}${ended.stderr}`)
  }

  // A job that passes, one that fails, one whose command crashes: all through the recorded relay.
  const executorDaemon = executor.daemon('--exec', `"${process.execPath}" "${worker}"`)
  reviewer.daemon()
  const passing = await hire(buyer)
  await run(buyer, flags(passing.work))
  expect(await untilState(buyer, passing.work, DECIDED)).toBe('passed')
  await run(buyer, ['work', 'fetch', '--assignment-id', passing.work, '--out', join(stage.directory, 'result')])
  const failing = await hire(buyer)
  writeFileSync(worker, workerSource('something else', of('resultname'), of('stderr')))
  await run(buyer, flags(failing.work))
  expect(await untilState(buyer, failing.work, DECIDED)).toBe('failed')
  await executorDaemon.stop()

  // Messages, files, and refusals with content where it does not belong.
  await run(buyer, ['message', 'send', '--to', 'executor', '--text', of('message')])
  await run(buyer, ['handoff', 'send', '--to', 'executor', '--file', stage.file(`${of('handoff')}.bin`, of('handoff'))])
  const answers = [
    await buyer.run(['assign', '--task-id', of('private'), '--assignee-agent-id', 'executor', '--kind', 'execute', '--json']),
    await buyer.run(['discover', '--capability', of('private'), '--json']),
  ]
  const bodies = await Promise.all(
    [{ prompt: of('private') }, { capability: of('private'), limit: of('private') }].map(async (body) => {
      const answer = await fetch(`${stage.server.origin}/trpc/tasks.createTask`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': 'canary' },
        body: JSON.stringify(body),
      })
      return answer.text()
    }),
  )
  const metrics = await (await fetch(`${stage.server.origin}/metrics`)).text()

  const stored = searchMarks([stage.server.dataDirectory, stage.server.logFile], marks)
  expect(stored.hits).toEqual([])
  expect(stored.bytes).toBeGreaterThan(100_000)
  expect(relay.heard.length).toBeGreaterThan(0)
  expect(searchText(Buffer.concat(relay.heard), marks, 'the relay connection')).toEqual([])
  expect(searchText([...bodies, metrics].join('\n'), marks, 'answers')).toEqual([])
  expect(answers.map((answer) => answer.exit)).toEqual([2, 0])
  await relay.close()
})

function workerSource(result: string, name: string, said: string): string {
  return `import { writeFileSync } from 'node:fs'
console.error(${JSON.stringify(said)})
writeFileSync('output/${name}.json', JSON.stringify({ value: ${JSON.stringify(result)} }))
`
}
