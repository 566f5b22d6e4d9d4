// A daemon in a process of its own, for tests that kill it: `node test-daemon.ts OPTIONS`.
import { type AgentOptions, openAgent } from './agent/agent.ts'
import { runDaemon } from './daemon/daemon.ts'

const { exec, ...options } = JSON.parse(process.argv[2] ?? '') as AgentOptions & { exec?: string }
const controller = new AbortController()
process.on('SIGTERM', () => controller.abort())
await runDaemon(openAgent({ ...options, signal: controller.signal }), {
  exec,
  signal: controller.signal,
  onEvent: (event) => process.stdout.write(`${JSON.stringify(event)}\n`),
})
process.exit(0)
