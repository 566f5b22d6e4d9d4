import { load } from './load.ts'
import { Session } from 'node:inspector/promises'
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
const { openSmallServer } = await import('../packages/platform-server/test/small-server.ts')
const s = await openSmallServer()
const session = new Session(); session.connect()
const child = spawn(process.execPath, ['--conditions=source', '-e', `import('/work/main/bench/load.ts').then(async ({load}) => { console.log(await load({name:'q', method:'GET', path:'/trpc/things.get'}, {origin: '${s.origin}', token:'x', seconds: 4, connections: 64})); process.exit(0) })`], { stdio: 'inherit' })
await new Promise(r => setTimeout(r, 1500))
await session.post('Profiler.enable'); await session.post('Profiler.start')
await new Promise(r => setTimeout(r, 2000))
const { profile } = await session.post('Profiler.stop')
const self = new Map<string, number>()
const dt = profile.timeDeltas!, byId = new Map(profile.nodes.map(n => [n.id, n]))
profile.samples!.forEach((id, i) => { const n = byId.get(id)!; const k = n.callFrame.functionName + ' ' + n.callFrame.url.split('/').slice(-2).join('/') + ':' + n.callFrame.lineNumber; self.set(k, (self.get(k) ?? 0) + dt[i]!) })
const total = [...self.values()].reduce((a, b) => a + b)
for (const [k, v] of [...self].sort((a, b) => b[1] - a[1]).slice(0, 30)) console.log((v / total * 100).toFixed(1), k)
child.on('exit', () => process.exit(0))
