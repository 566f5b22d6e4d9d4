// The proxy configurations that are shipped, at work: with ports instead of names, a certificate of their own, and the server's free ports.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { unpackDebian } from '../../packages/platform-server/test/debian.ts'

const DEPLOY = join(import.meta.dirname, '../../packages/platform-server/deploy')
const NAMES = ['market.example.org', 'relay.example.org'] as const
const SERVED = ['127.0.0.1:8080', '127.0.0.1:8081'] as const

/** What stands before what. */
export interface Proxied {
  /** Of the control plane and of the relay, where the proxy listens. */
  readonly ports: readonly [number, number]
  /** The same, where the server does. */
  readonly served: readonly [number, number]
  /** A certificate for `localhost` that signs itself, and its key. */
  readonly certificate: string
  readonly key: string
}

/** Make a certificate for `localhost` that clients trust who are told to. */
export function makeCertificate(place: string): Pick<Proxied, 'certificate' | 'key'> {
  const [key, certificate] = [join(place, 'key.pem'), join(place, 'certificate.pem')]
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-days', '1']
  const files = ['-keyout', key, '-out', certificate]
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...subject, ...files], { stdio: 'ignore' })
  return { certificate, key }
}

/** Start Debian's nginx with the shipped file. @returns once it listens. */
export async function startNginx(place: string, { ports, served, certificate, key }: Proxied): Promise<ChildProcess> {
  const packages = unpack(place, 'nginx')
  const parts = withPorts('nginx.conf', served).split(/(?=^server \{)/m)
  const site = parts
    .map((part) => {
      const port = ports[NAMES.findIndex((name) => part.includes(`server_name ${name};`))]
      return part
        .replaceAll(/listen (\[::\]:)?443 ssl;/g, (_, v6) => (v6 ? '' : `listen 127.0.0.1:${port} ssl;`))
        .replace(/server_name .*;/, 'server_name localhost;')
        .replace(/ssl_certificate .*;/, `ssl_certificate ${certificate};`)
        .replace(/ssl_certificate_key .*;/, `ssl_certificate_key ${key};`)
    })
    .join('')
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${place}/${name};`)
  const main = join(place, 'nginx.conf')
  writeFileSync(main, `daemon off; pid ${place}/pid; events {} http { access_log off; ${temporary.join(' ')} ${site} }`)
  const args = ['-p', place, '-c', main, '-e', join(place, 'error.log')]
  execFileSync(join(packages, 'usr/sbin/nginx'), [...args, '-t'], { stdio: 'pipe' })
  return listening(spawn(join(packages, 'usr/sbin/nginx'), args, { stdio: 'inherit' }), ports)
}

/** Start Debian's Caddy with the shipped file; it asks nobody for a certificate. @returns once it listens. */
export async function startCaddy(place: string, { ports, served, certificate, key }: Proxied): Promise<ChildProcess> {
  const packages = unpack(place, 'caddy')
  const sites = NAMES.reduce(
    (text, name, index) =>
      text.replace(`${name} {`, `https://localhost:${ports[index]} {\n\tbind 127.0.0.1\n\ttls ${certificate} ${key}`),
    withPorts('Caddyfile', served),
  )
  const main = join(place, 'Caddyfile')
  writeFileSync(main, `{\n\tadmin off\n\tauto_https disable_redirects\n}\n${sites}`)
  const caddy = join(packages, 'usr/bin/caddy')
  const options = { env: { HOME: place, XDG_DATA_HOME: place, XDG_CONFIG_HOME: place } }
  const args = ['--config', main, '--adapter', 'caddyfile']
  execFileSync(caddy, ['validate', ...args], { ...options, stdio: 'pipe' })
  return listening(spawn(caddy, ['run', ...args], { ...options, stdio: 'ignore' }), ports)
}

function unpack(place: string, name: string): string {
  const packages = join(place, name)
  mkdirSync(packages)
  unpackDebian([name], packages)
  return packages
}

/** A shipped file, before a server that listens elsewhere. */
function withPorts(name: string, served: Proxied['served']): string {
  const text = readFileSync(join(DEPLOY, name), 'utf8')
  return SERVED.reduce((all, address, index) => all.replace(address, `127.0.0.1:${served[index]}`), text)
}

async function listening(proxy: ChildProcess, ports: readonly number[]): Promise<ChildProcess> {
  for (const port of ports)
    while (!(await isOpen(port))) {
      if (proxy.exitCode !== null) throw new Error(`the proxy ended: exit ${proxy.exitCode}`)
      await pause(50)
    }
  return proxy
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
