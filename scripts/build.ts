// Build all packages: TypeScript to dist, the files TypeScript does not copy, then the bundle of the command line, of which TypeScript only checks
// the types.
import { spawnSync } from 'node:child_process'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { bundleCli } from './bundle-cli.ts'

const root = join(import.meta.dirname, '..')
const server = join(root, 'packages', 'platform-server')

/** Run a tool of the project, quietly unless it fails. */
function run(command: string, args: string[]): void {
  const { status, stdout, stderr } = spawnSync(join(root, 'node_modules', '.bin', command), args, { cwd: root, encoding: 'utf8' })
  if (status === 0) return
  console.error(`${stdout}${stderr}`)
  process.exit(1)
}

run('tsc', ['-b'])
cpSync(join(server, 'src', 'storage', 'migrations'), join(server, 'dist', 'storage', 'migrations'), { recursive: true })
await bundleCli()
