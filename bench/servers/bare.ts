// The same work with nothing around it: node:http, JSON.parse, the operation, JSON.stringify. No router, no schema, no limit, no error.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { authenticate } from '../../packages/platform-server/src/api/authenticate.ts'
import { beat } from '../../packages/platform-server/src/heartbeat/operations.ts'
import { listen } from '../../packages/platform-server/src/listen.ts'
import { submitVerdict } from '../../packages/platform-server/src/review/operations.ts'
import { assign } from '../../packages/platform-server/src/tasks/assign.ts'
import { createTask } from '../../packages/platform-server/src/tasks/task-operations.ts'
import { openDeps } from '../seed.ts'

const [directory = '', database] = process.argv.slice(2)
const deps = await openDeps({ directory, database })
const { config, instanceId } = deps

function info(): unknown {
  const { origin, relayOrigin, registration, deposits, relayTokens } = config
  return {
    instanceId,
    origin,
    relayOrigins: [relayOrigin],
    version: '0.1.0',
    protocol: 1,
    registration,
    deposits,
    relayTokens,
    nowMs: Date.now(),
  }
}

async function readJson(request: IncomingMessage): Promise<never> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return JSON.parse(Buffer.concat(chunks).toString()) as never
}

async function answer(request: IncomingMessage): Promise<unknown> {
  if (request.url === '/trpc/server.info?input=%7B%7D') return info()
  const { agentId } = await authenticate(deps, request.headers.authorization?.slice('Bearer '.length))
  const input = await readJson(request)
  if (request.url === '/trpc/heartbeat.beat') return beat(deps, agentId, input)
  const call = { callerId: agentId, procedure: request.url ?? '', key: String(request.headers['idempotency-key']) }
  if (request.url === '/trpc/tasks.assign') return assign(deps, call, input)
  if (request.url === '/trpc/review.submitVerdict') return submitVerdict(deps, call, input)
  return createTask(deps, call, input)
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = JSON.stringify({ result: { data: await answer(request) } })
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
  response.end(body)
}

// At the end of a run callers hang up in the middle of a request.
const server = createServer((request, response) => {
  serve(request, response).catch(() => response.destroy())
})
const port = await listen(server, { host: '127.0.0.1', port: 0 })
console.log(JSON.stringify({ event: 'listening', origin: `http://127.0.0.1:${port}` }))
