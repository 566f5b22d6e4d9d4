// What is shipped beside the server is accepted by the programs it is for, and names only what there is. LONG=1: agents at work through a real nginx and
// a real Caddy. The image is in image.long.ts.
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { FLAGS } from '../../packages/platform-server/src/flags.ts'
import { needDebian } from '../../packages/platform-server/test/debian.ts'
import { findFreePort } from '../../packages/platform-server/test/free-port.ts'
import { startControl } from '../stage/control.ts'
import { Stage } from '../stage/stage.ts'
import { makeCertificate, startCaddy, startNginx } from './proxies.ts'

const LONG = process.env.LONG === '1'
const ROOT = join(import.meta.dirname, '../..')
const DEPLOY = join(ROOT, 'packages/platform-server/deploy')
const read = (name: string) => readFileSync(join(DEPLOY, name), 'utf8')
const OPERATIONS = readFileSync(join(ROOT, 'design/operations.md'), 'utf8')
/** Of `systemd-analyze security`, times ten: 100 is no protection at all, and what a JavaScript engine and a network need is left. */
const EXPOSURE_MAX = 15
/** Seconds that a call waits, a little short of the longest poll. */
const WAIT_S = 50
/** Several bodies of the larger classes. */
const FILE_BYTES = 9_000_000

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'deploy-'))
  return () => rmSync(directory, { recursive: true })
})

test.each(['agent-marketplace.service', 'agent-marketplace-relay.service'])(
  '%s is understood by systemd, and hardened',
  (name) => {
    const analyze = needDebian('systemd', () => ['/usr/bin/systemd-analyze'].find((path) => existsSync(path)))
    const unit = join(directory, name)
    writeFileSync(unit, read(name).replaceAll('/opt/agent-marketplace', ROOT))

    expect(execFileSync(analyze, ['verify', '--man=no', unit], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })).toBe('')
    execFileSync(analyze, ['security', '--offline=true', '--no-pager', `--threshold=${EXPOSURE_MAX}`, unit], { stdio: 'pipe' })
  },
)

test('every variable and flag that is named for operators is one of the server’s', () => {
  const texts = [OPERATIONS, ...readdirSync(DEPLOY).map(read)].join('\n')
  const variables: string[] = [...Object.values(FLAGS).map(({ env }) => env), 'AGENT_MARKETPLACE_REGISTRATION_TOKEN']
  const named = texts.match(/AGENT_MARKETPLACE_[A-Z_]+/g) ?? []
  expect(named.filter((name) => !variables.includes(name))).toEqual([])

  const lines = texts.split('\n').filter((line) => line.includes('platform-server ') && !line.includes('npx'))
  const flags = lines.flatMap((line) => [...line.matchAll(/ `?--([a-z-]+)/g)].map(([, flag = '']) => flag))
  expect(flags.length).toBeGreaterThan(5)
  expect(flags.filter((flag) => !Object.hasOwn(FLAGS, flag) && flag !== 'help')).toEqual([])
})

test('every metric that is to be watched is told', async () => {
  const { server, port } = await startControl(directory)
  await (await fetch(`http://127.0.0.1:${port}/trpc/server.info`)).text()
  const told = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  const named = OPERATIONS.match(/\b(?:agent_marketplace|process|nodejs)_[a-z0-9_]+/g) ?? []

  expect(named.length).toBeGreaterThan(5)
  expect([...new Set(named)].filter((name) => !new RegExp(`^${name}(?:[ {]|_bucket|_count)`, 'm').test(told))).toEqual([])
  expect(await server.stop()).toBe(0)
})

if (LONG) describe('at length', longTests)

function longTests(): void {
  test.each([
    ['nginx', startNginx],
    ['Caddy', startCaddy],
  ] as const)(
    'agents work through a real %s, which tells the server who calls and the relay nothing',
    { timeout: 600_000 },
    async (_, start) => {
      await using stage = new Stage()
      const [market, relay, ...served] = await findPorts()
      const certified = makeCertificate(directory)
      const proxy = await start(directory, { ports: [market, relay], served, ...certified })
      onTestFinished(() => void proxy.kill('SIGKILL'))
      await stage.server.start(
        [
          ...['--origin', `https://localhost:${market}`, '--relay-origin', `https://localhost:${relay}`],
          ...['--trusted-proxy', '127.0.0.1', '--relay-tokens', 'on', '--registration', 'open', '--deposits', 'open'],
        ],
        { listen: `127.0.0.1:${served[0]}`, relayListen: `127.0.0.1:${served[1]}` },
      )
      const [alice, bob] = [stage.agent('alice'), stage.agent('bob')]
      for (const agent of [alice, bob]) agent.variables.NODE_EXTRA_CA_CERTS = certified.certificate
      await Promise.all([alice.json('register', '--agent-id', 'alice'), bob.json('register', '--agent-id', 'bob')])

      // Both planes are waited on for longer than proxies wait where nobody tells them otherwise.
      const startedAt = performance.now()
      const following = bob.run(['events', 'follow', '--limit', '1', '--timeout', '120', '--json'])
      const waiting = bob.json('inbox', '--wait', String(WAIT_S))
      await pause(WAIT_S * 900)
      expect((await waiting).messages).toEqual([])
      await bob.json('deposit', '--amount', '5')
      expect(JSON.parse((await following).stdout)).toMatchObject({ kind: 'deposit.credited' })
      expect(performance.now() - startedAt).toBeGreaterThan(WAIT_S * 900)

      const file = stage.file('large.bin', randomBytes(FILE_BYTES))
      await alice.json('handoff', 'send', '--to', 'bob', '--file', file)
      const { messages } = await bob.json('inbox', '--wait', '60')
      const out = join(directory, 'out')
      await bob.json('inbox', 'read', messages[0].messageId, '--out', out)
      expect(readFileSync(join(out, 'large.bin')).equals(readFileSync(file))).toBe(true)

      const ask = (path: string, more: Partial<Asked> = {}) => askTls({ port: market, path, ...more })
      for (const path of ['/metrics', '/readyz']) expect(await ask(path)).toBe(404)
      // Who knocks too often is turned away, and a header of his own does not make him somebody else; to others he makes no difference.
      const statuses = new Set<number | undefined>()
      for (let call = 0; call < 2_000 && !statuses.has(429); call += 50) {
        const claims = Array.from({ length: 50 }, (_, each) => ({ 'x-forwarded-for': `198.51.100.${(call + each) % 200}` }))
        const asked = claims.map((headers) => ask('/trpc/server.info', { headers, from: '127.0.0.2' }))
        for (const status of await Promise.all(asked)) statuses.add(status)
      }
      expect([...statuses]).toEqual([200, 429])
      expect(await ask('/trpc/server.info', { from: '127.0.0.3' })).toBe(200)
      expect(await stage.server.stop()).toBe(0)
    },
  )
}

async function findPorts(): Promise<[number, number, number, number]> {
  const ports = new Set<number>()
  while (ports.size < 4) ports.add(await findFreePort())
  return [...ports] as [number, number, number, number]
}

interface Asked {
  readonly port: number
  readonly path: string
  readonly headers?: Record<string, string>
  /** The address that the proxy sees. */
  readonly from?: string
}

function askTls({ port, path, headers, from = '127.0.0.1' }: Asked): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, servername: 'localhost', localAddress: from, rejectUnauthorized: false }
    request({ ...options, headers: { host: `localhost:${port}`, ...headers } }, (answer) => {
      answer.resume()
      answer.on('end', () => resolve(answer.statusCode))
    })
      .on('error', reject)
      .end()
  })
}
