import { load } from './load.ts'
import { pinLoad } from './machine.ts'
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
pinLoad()
const child = spawn('taskset', ['-c', '0', process.execPath, '--cpu-prof', '--cpu-prof-dir=/tmp/h-cpu', '--conditions=source', process.argv[2]!], { stdio: ['ignore', 'pipe', 'inherit'] })
let origin = ''
for await (const line of createInterface(child.stdout!)) { origin = JSON.parse(line).origin; break }
const call = { name: 'q', method: 'GET', path: '/trpc/things.get' } as const
console.log(await load(call, { origin, token: 'x', seconds: 4, connections: 64 }))
child.kill('SIGINT'); await new Promise(r => child.on('close', r)); process.exit(0)
