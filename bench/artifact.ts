import { randomBytes } from 'node:crypto'
import {
  closeSync,
  createReadStream,
  createWriteStream,
  fsyncSync,
  mkdirSync,
  openSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { machineAgent } from './machine-agent.ts'
import type { Options, Row } from './row.ts'
import { startSubject } from './subject.ts'

const MIB = 1024 ** 2
const FLAGS = ['--listen', '127.0.0.1:0', '--relay-listen', '127.0.0.1:0', '--relay-tokens', 'off', '--log-level', 'error']
const PEAK_MIB_MAX = 300
/** Of the rate of a bare transfer. */
const RATIO_MIN = 0.5
const WAIT_S = '60'

/** One large file from one agent to another through the relay, with the commands that users have, beside the same file over bare node:http. Once: it is long. */
export async function benchArtifact(directory: string, { isPinned, artifactMiB }: Options): Promise<Row[]> {
  mkdirSync(directory, { recursive: true })
  const file = join(directory, 'artifact')
  writeRandom(file, artifactMiB)
  const bare = await benchBare(join(directory, 'bare'), file, { artifactMiB, isPinned })

  const data = join(directory, 'data')
  await using server = await startSubject('server', ['packages/platform-server/src/main.ts', '--data', data, ...FLAGS], isPinned)
  const sender = machineAgent(join(directory, 'sender'), server.origin)
  const recipient = machineAgent(join(directory, 'recipient'), server.origin)
  await sender.run('register', '--agent-id', 'sender')
  await recipient.run('register', '--agent-id', 'recipient')
  const up = await sender.run('handoff', 'send', '--to', 'recipient', '--file', file)
  const messageId = await untilMessage(recipient)
  const out = join(directory, 'out')
  const down = await recipient.run('inbox', 'read', messageId, '--out', out)
  if (statSync(join(out, 'artifact')).size !== artifactMiB * MIB) throw new Error('the file that arrived has another length')

  const size = artifactMiB >= 1024 ? `${artifactMiB / 1024} GiB` : `${artifactMiB} MiB`
  const rate = (what: string, seconds: number, beside: number): Row => ({
    group: 'relay',
    what: `${what}, ${size}`,
    on: 'CLI and relay',
    value: artifactMiB / seconds,
    unit: 'MiB/s',
    ratio: { value: artifactMiB / seconds / beside, of: 'bare' },
    target: { of: 'ratio', atLeast: RATIO_MIN },
  })
  const peak = (on: string, value: number): Row => ({
    group: 'relay',
    what: `peak memory, ${size}`,
    on,
    value,
    unit: 'MiB',
    target: { of: 'value', atMost: PEAK_MIB_MAX },
  })
  return [
    rate('artifact sealed and sent', up.seconds, bare.up),
    rate('artifact fetched and opened', down.seconds, bare.down),
    peak('CLI, sending', up.peakMiB),
    peak('CLI, fetching', down.peakMiB),
    peak('server, both planes', server.peakMiB() ?? Number.NaN),
    { group: 'relay', what: `upload, ${size}`, on: 'bare node:http', value: bare.up, unit: 'MiB/s' },
    { group: 'relay', what: `download, ${size}`, on: 'bare node:http', value: bare.down, unit: 'MiB/s' },
  ]
}

/** A message may be on its way for as long as the sender chose. */
async function untilMessage(recipient: ReturnType<typeof machineAgent>): Promise<string> {
  const { printed } = await recipient.run('inbox', '--wait', WAIT_S)
  const [message] = printed.messages
  if (!message) throw new Error('nothing arrived')
  return message.messageId
}

/** @returns MiB a second each way, with the file synced on the other side. */
async function benchBare(
  directory: string,
  file: string,
  { artifactMiB, isPinned }: Pick<Options, 'artifactMiB' | 'isPinned'>,
): Promise<{ up: number; down: number }> {
  await using server = await startSubject('bare', ['bench/servers/bare-store.ts', directory], isPinned)
  const back = join(directory, 'back')
  const up = await time(() => send(`${server.origin}/artifact`, file))
  const down = await time(() => fetchTo(`${server.origin}/artifact`, back))
  rmSync(directory, { recursive: true })
  return { up: artifactMiB / up, down: artifactMiB / down }
}

function send(url: string, file: string): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>()
  const call = request(url, { method: 'PUT', headers: { 'content-length': statSync(file).size } }, (response) => {
    response.resume().once('end', resolve)
  }).once('error', reject)
  pipeline(createReadStream(file), call).catch(reject)
  return promise
}

function fetchTo(url: string, file: string): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>()
  const call = request(url, (response) => {
    pipeline(response, createWriteStream(file, { flush: true })).then(resolve, reject)
  })
  call.once('error', reject).end()
  return promise
}

function writeRandom(file: string, mib: number): void {
  const handle = openSync(file, 'w')
  for (let written = 0; written < mib; written++) writeSync(handle, randomBytes(MIB))
  // Otherwise the disk is still busy with it, and whoever syncs first waits for it too.
  fsyncSync(handle)
  closeSync(handle)
}

async function time(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return (performance.now() - startedAt) / 1_000
}
