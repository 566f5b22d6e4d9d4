// Set-up on a machine with only git, npm and any Node from 20 on: fetches pnpm, the project's own Node and all packages, then builds.
// Runs under the system's Node, so it uses nothing but what Node 20 has.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const PNPM = 'pnpm@12.21.0'
const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** The Node that the project's commands run on: the one it brought along, else the system's if that is new enough. */
export function projectNode() {
  const own = join(root, 'node_modules', '.bin', 'node')
  if (existsSync(own)) return own
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major > 24 || (major === 24 && minor >= 15)) return process.execPath
  console.error(
    `This machine needs Node 24.15 or newer (it has ${process.versions.node}) and the project brings none for ${process.platform}-${process.arch}.`,
  )
  process.exit(1)
}

/** Environment in which child processes find the project's Node and tools first. */
export function projectEnv() {
  const bin = join(root, 'node_modules', '.bin')
  return { ...process.env, PATH: `${bin}:${process.env.PATH ?? ''}` }
}

/** Run a step quietly; show its output and stop when it fails. */
function step(name, command, args) {
  const done = spawnSync(command, args, { cwd: root, env: projectEnv(), encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  if (done.status === 0) return
  console.error(`${done.stdout ?? ''}${done.stderr ?? ''}${done.error ?? ''}`)
  console.error(`set-up stopped: ${name} failed`)
  process.exit(1)
}

/** Install what the lockfile names and build every package. Does nothing twice. */
export function setUp() {
  const frozen = existsSync(join(root, 'pnpm-lock.yaml')) ? ['--frozen-lockfile'] : []
  step('installing packages', 'npx', ['--yes', PNPM, 'install', ...frozen, '--config.confirm-modules-purge=false'])
  step('building', projectNode(), [join(root, 'scripts', 'build.ts')])
}

if (process.argv[1] === fileURLToPath(import.meta.url)) setUp()
