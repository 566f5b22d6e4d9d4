// Build all packages: TypeScript to dist, then the files TypeScript does not copy.
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const run = (command: string, args: string[], cwd = root) =>
  execFileSync(join(root, 'node_modules', '.bin', command), args, { cwd, stdio: 'inherit' })

run('tsc', ['-b'])
const migrations = 'storage/migrations'
const from = join(root, 'packages/platform-server/src', migrations)
if (existsSync(from)) cpSync(from, join(root, 'packages/platform-server/dist', migrations), { recursive: true })
