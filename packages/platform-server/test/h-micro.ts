import { initTRPC } from '@trpc/server'
import { callTRPCProcedure } from '@trpc/server'
import { z } from 'zod'
import { randomUUID } from 'node:crypto'
import { createMetrics } from '../src/api/metrics.ts'
const t = initTRPC.context<any>().create()
const mk = (n: number) => { let p: any = t.procedure; for (let i = 0; i < n; i++) p = p.use(({ next }: any) => next()); return p }
const I = z.strictObject({ text: z.string().optional() })
const r = t.router({ p0: t.procedure.query(() => 1), p1: mk(1).query(() => 1), p3: mk(3).query(() => 1), io: t.procedure.input(I).output(I).query(({ input }) => input) })
const time = async (name: string, n: number, f: () => unknown) => { for (let i = 0; i < n / 4; i++) await f(); const s = performance.now(); for (let i = 0; i < n; i++) await f(); console.log(name, ((performance.now() - s) / n * 1000).toFixed(2), 'µs') }
for (const path of ['p0', 'p1', 'p3', 'io']) {
  await time(path, 100000, () => callTRPCProcedure({ router: r, path, type: 'query', ctx: { deps: 1, request: 2 }, getRawInput: async () => ({ text: 'x' }), signal: undefined, batchIndex: 0 }))
}
await time('uuid', 100000, () => randomUUID())
const m = createMetrics({ requests: () => 0, connections: async () => 0 })
await time('metrics', 100000, () => m.countAnswer({ procedure: 'a', code: 'ok', seconds: 0.01 }))
await time('zod', 100000, () => I.parse({ text: 'x' }))
process.exit(0)
