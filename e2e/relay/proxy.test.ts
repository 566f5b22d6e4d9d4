import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startSocksProxy } from '../../packages/agent-cli/src/relay/test-servers.ts'
import { runCommand } from '../stage/process.ts'
import { Stage } from '../stage/stage.ts'
import { needStrace } from '../stage/strace.ts'
import { openTunnel } from './tunnel.ts'

const BIN = join(import.meta.dirname, '..', '..', 'bin', 'agent-marketplace')
const NAME = 'relay.hidden.example'

let stage: Stage
beforeAll(async () => {
  stage = new Stage()
  await stage.server.start()
})
afterAll(() => stage[Symbol.asyncDispose]())

/** Store a file on a relay that has a name, under strace. @returns how the command ended, and its calls to the system. */
async function putThrough(proxy: string) {
  const { port } = new URL(stage.server.relayOrigin)
  const agent = stage.agent('alice')
  const [file, trace] = [stage.file('note.txt', 'a note'), join(stage.directory, 'trace')]
  const command = [
    BIN,
    'relay',
    'put',
    '--file',
    file,
    '--relay',
    `http://${NAME}:${port}`,
    '--insecure',
    '--relay-proxy',
    proxy,
    '--timeout',
    '30',
  ]
  const args = ['-f', '-s', '4096', '-e', 'trace=connect,sendto,sendmsg,sendmmsg,openat', '-o', trace, ...command]
  const ended = await runCommand(needStrace(), args, { env: agent.env })
  return { ended, calls: readFileSync(trace, 'utf8').split('\n') }
}

/** What shows that a name was looked up (that begins with the file of hosts), or somebody else than the proxy was spoken to. */
function leaks(calls: readonly string[], proxy: string): string[] {
  const port = `sin_port=htons(${new URL(proxy).port})`
  return calls.filter((call) => {
    if (/openat.*"\/etc\/hosts"/.test(call)) return true
    return /sa_family=AF_INET6?/.test(call) && !(call.includes(port) && call.includes('"127.0.0.1"'))
  })
}

test('through an HTTP proxy nothing is said to anybody else, and no name is looked up here', { timeout: 120_000 }, async () => {
  await using tunnel = await openTunnel()
  const { ended, calls } = await putThrough(tunnel.url)

  expect(ended.exit).toBe(0)
  expect([...tunnel.asked]).toEqual([expect.stringContaining(`${NAME}:`)])
  expect(calls.some((call) => call.includes('connect('))).toBe(true)
  expect(leaks(calls, tunnel.url)).toEqual([])
})

test('through a SOCKS5 proxy nothing is said to anybody else, and no name is looked up here', { timeout: 120_000 }, async () => {
  await using socks = await startSocksProxy()
  const proxy = socks.origin.replace('http:', 'socks5:')
  const { ended, calls } = await putThrough(proxy)

  expect(ended.exit).toBe(0)
  expect(socks.tunnels[0]).toContain(NAME)
  expect(leaks(calls, proxy)).toEqual([])
})
