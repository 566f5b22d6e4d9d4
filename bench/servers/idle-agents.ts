// How much memory agents take that do nothing but beat: all that are alive in a storage, each with its beat and the bucket that counts its beats.
import { createRateLimits } from '../../packages/platform-server/src/api/rate-limit.ts'
import { resumePresence } from '../../packages/platform-server/src/heartbeat/operations.ts'
import { openDeps } from '../seed.ts'

function usedBytes(): number {
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

const deps = await openDeps({ directory: process.argv[2] ?? '' })
const limits = createRateLimits(deps.monotonic)
const before = usedBytes()
const agents = await resumePresence(deps)
for (let agent = 1; agent <= agents; agent++) limits.takeForAgent(`agent-${agent}`, 'beat')
const bytes = usedBytes() - before
console.log(
  JSON.stringify({ agents, bytes, online: deps.presence.online(deps.now()), kept: limits.takeForAgent('agent-1', 'beat').quota }),
)
await deps.db.close()
