// Our router behind the adapter that comes with tRPC.
import { createHTTPServer } from '@trpc/server/adapters/standalone'
import { appRouter } from '../../packages/platform-server/src/api/app-router.ts'
import { listen } from '../../packages/platform-server/src/listen.ts'
import { openDeps } from '../seed.ts'

const [directory = '', database] = process.argv.slice(2)
const deps = await openDeps({ directory, database })
const { signal } = new AbortController()

const server = createHTTPServer({
  router: appRouter,
  basePath: '/trpc/',
  createContext: ({ req: { headers } }) => ({
    deps,
    request: {
      requestId: 'stock',
      token: headers.authorization?.slice('Bearer '.length),
      idempotencyKey: headers['idempotency-key'] as string | undefined,
      signal,
    },
  }),
})
const port = await listen(server, { host: '127.0.0.1', port: 0 })
console.log(JSON.stringify({ event: 'listening', origin: `http://127.0.0.1:${port}` }))
