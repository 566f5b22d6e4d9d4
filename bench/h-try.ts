import { load } from './load.ts'
import { pinLoad } from './machine.ts'
import { startSubject } from './subject.ts'
const isPinned = pinLoad()
for (const file of process.argv.slice(2)) {
  await using s = await startSubject(file, [file], isPinned)
  const call = { name: 'q', method: 'GET', path: '/trpc/things.get' } as const
  await load(call, { origin: s.origin, token: 'x', seconds: 2, connections: 64 })
  for (let i = 0; i < 2; i++) {
    const b = s.cpuSeconds() ?? 0
    const r = await load(call, { origin: s.origin, token: 'x', seconds: 6, connections: 64 })
    console.log(file, Math.round(r.perSecond), r.p99Ms, 'cpu µs', Math.round(((s.cpuSeconds() ?? 0) - b) / (r.perSecond * 6) * 1e6))
  }
}
process.exit(0)
