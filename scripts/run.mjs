// `node scripts/run.mjs FILE ARGS…`: set up, then run FILE with the project's own Node. Signals reach the child; its exit code is ours.
import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { projectEnv, projectNode, setUp } from './setup.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const [file, ...args] = process.argv.slice(2)

setUp()
const child = spawn(projectNode(), ['--conditions=source', join(root, file), ...args], { env: projectEnv(), stdio: 'inherit' })
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal))
child.on('exit', (code, signal) => process.exit(signal ? 130 : (code ?? 1)))
