// Our router behind our own transport: what platform-server runs, without its timer and without rate limits.
import { appRouter } from '../../packages/platform-server/src/api/app-router.ts'
import { createControlServer } from '../../packages/platform-server/src/api/http.ts'
import { listen } from '../../packages/platform-server/src/listen.ts'
import { openDeps } from '../seed.ts'

const [directory = '', database] = process.argv.slice(2)
const deps = await openDeps({ directory, database })
const { server } = createControlServer({ router: appRouter, deps, rateLimits: 'off' })
const port = await listen(server, { host: '127.0.0.1', port: 0 })
console.log(JSON.stringify({ event: 'listening', origin: `http://127.0.0.1:${port}` }))
