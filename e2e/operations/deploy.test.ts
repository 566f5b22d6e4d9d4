// What is shipped beside the server is accepted by the programs it is for, and names only what there is. LONG=1: requests through a real nginx, and what
// the container would run.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { FLAGS } from '../../packages/platform-server/src/flags.ts'
import { needDebian, unpackDebian } from '../../packages/platform-server/test/debian.ts'
import { startControl } from '../stage/control.ts'
import { Running } from '../stage/process.ts'
import { Stage } from '../stage/stage.ts'

const LONG = process.env.LONG === '1'
const ROOT = join(import.meta.dirname, '../..')
const DEPLOY = join(ROOT, 'packages/platform-server/deploy')
const read = (name: string) => readFileSync(join(DEPLOY, name), 'utf8')
const OPERATIONS = readFileSync(join(ROOT, 'design/operations.md'), 'utf8')
/** Of `systemd-analyze security`, times ten: 100 is no protection at all, and what a JavaScript engine and a network need is left. */
const EXPOSURE_MAX = 15

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

test('the container takes in what is there', () => {
  const copied = [...read('Containerfile').matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, names = '']) => names.split(' '))

  expect(copied.length).toBeGreaterThan(5)
  expect(copied.filter((name) => !existsSync(join(ROOT, name)))).toEqual([])
})

if (LONG) describe('at length', longTests)

function longTests(): void {
  test('what the container would hold is made by its own command, and runs', { timeout: 300_000 }, async () => {
    const app = join(directory, 'app')
    const [, command = ''] = /^RUN (npx .*) \/app$/m.exec(read('Containerfile')) ?? []
    execFileSync('sh', ['-c', `${command} "$0"`, app], { cwd: ROOT, stdio: 'pipe' })
    const listen = ['--listen', '127.0.0.1:0', '--relay-listen', '127.0.0.1:0', '--data', join(directory, 'data')]
    const server = new Running(process.execPath, [join(app, 'dist/main.js'), ...listen])
    await server.line(({ event }) => event === 'listening')
    expect(await server.stop()).toBe(0)
  })

  test('requests of both planes through a real nginx', { timeout: 300_000 }, async () => {
    await using stage = new Stage()
    const origins = ['--origin', 'https://market.example.org', '--relay-origin', 'https://relay.example.org']
    const server = new Running(join(ROOT, 'bin/platform-server'), [
      ...['--data', stage.server.dataDirectory, '--listen', '127.0.0.1:18080', '--relay-listen', '127.0.0.1:18081'],
      ...[...origins, '--trusted-proxy', '127.0.0.1', '--relay-tokens', 'on', '--registration', 'open'],
    ])
    onTestFinished(() => void server.child.kill('SIGKILL'))
    await server.line(({ event }) => event === 'listening')
    const nginx = await startNginx(directory, 18443)
    onTestFinished(() => void nginx.kill('SIGTERM'))
    const ask = (host: string, path: string, headers: Record<string, string> = {}) => askTls(18443, { host, path, headers })

    expect(await ask('market.example.org', '/trpc/server.info')).toMatchObject({ status: 200 })
    expect(await ask('relay.example.org', '/relay/v1/feed?after=0&wait=0')).toMatchObject({ status: 200 })
    for (const path of ['/metrics', '/readyz']) expect(await ask('market.example.org', path)).toMatchObject({ status: 404 })
    // Who knocks too often is turned away, and a header of his own does not make him somebody else.
    const claim = (call: number) =>
      ask('market.example.org', '/trpc/server.info', { 'x-forwarded-for': `198.51.100.${call % 200}` })
    const statuses = new Set<number | undefined>()
    for (let call = 0; call < 2_000 && !statuses.has(429); call += 50)
      for (const { status } of await Promise.all(Array.from({ length: 50 }, (_, each) => claim(call + each))))
        statuses.add(status)
    expect([...statuses]).toEqual([200, 429])
    nginx.kill('SIGTERM')
    await once(nginx, 'close')
    expect(await server.stop()).toBe(0)
  })
}

/** The shipped configuration, with another port, a certificate of its own, and the server's free ports. */
async function startNginx(place: string, port: number) {
  const packages = join(place, 'nginx')
  mkdirSync(packages)
  unpackDebian(['nginx'], packages)
  const [key, certificate] = [join(place, 'key.pem'), join(place, 'certificate.pem')]
  const subject = ['-subj', '/CN=market.example.org', '-days', '1', '-keyout', key, '-out', certificate]
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...subject], { stdio: 'ignore' })
  const site = read('nginx.conf')
    .replaceAll(/listen (\[::\]:)?443 ssl;/g, (_, v6) => (v6 ? '' : `listen 127.0.0.1:${port} ssl;`))
    .replaceAll(/ssl_certificate .*;/g, `ssl_certificate ${certificate};`)
    .replaceAll(/ssl_certificate_key .*;/g, `ssl_certificate_key ${key};`)
    .replace('127.0.0.1:8080', '127.0.0.1:18080')
    .replace('127.0.0.1:8081', '127.0.0.1:18081')
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${place}/${name};`)
  const main = join(place, 'nginx.conf')
  writeFileSync(
    main,
    `daemon off; pid ${place}/pid; events {} http { access_log off; server_names_hash_bucket_size 64; ${temporary.join(' ')} ${site} }`,
  )
  const binary = join(packages, 'usr/sbin/nginx')
  const base = ['-p', place, '-c', main, '-e', join(place, 'error.log')]
  execFileSync(binary, [...base, '-t'], { stdio: 'pipe' })
  const nginx = spawn(binary, base, { stdio: 'inherit' })
  while (!existsSync(join(place, 'pid'))) await pause(50)
  return nginx
}

function askTls(
  port: number,
  { host, path, headers }: { host: string; path: string; headers: Record<string, string> },
): Promise<{ status: number | undefined }> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, servername: host, rejectUnauthorized: false, headers: { host, ...headers } }
    request(options, (answer) => {
      answer.resume()
      answer.on('end', () => resolve({ status: answer.statusCode }))
    })
      .on('error', reject)
      .end()
  })
}
