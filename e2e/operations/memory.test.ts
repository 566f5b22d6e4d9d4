// What a core of the server gives away: its memory is read as a debugger would.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { makeAgent } from '../stage/call.ts'
import { ORIGIN, startControl } from '../stage/control.ts'
import { countInMemory } from '../stage/memory.ts'

const MAIN = join(import.meta.dirname, 'collected-server.ts')
const AGENTS = 6
/** Longer than a request with a session: what was read last lies in the buffer for the next. */
const FILLER = 'x'.repeat(4_000)

test('the server knows no session and no invite beyond the request that shows it', { timeout: 120_000 }, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'memory-'))
  const { server, call, stop } = await startControl(directory, { main: MAIN, flags: ['--operator', 'ops'] })
  const pid = server.child.pid ?? 0
  const ops = makeAgent('ops', ORIGIN)
  await ops.register(call)
  const token = await ops.openSession(call)
  const invite = await call('operators.createInvite', { uses: 1, expiresAtMs: Date.now() + 3_600_000 }, { token })
  const secrets: Record<string, string> = { 'ops, session': token, invite: String(invite.token) }
  const sessions: string[] = []
  for (let index = 0; index < AGENTS; index++) {
    const agent = makeAgent(`agent-${index}`, ORIGIN)
    await agent.register(call)
    const session = await agent.openSession(call)
    secrets[`${agent.agentId}, session`] = session
    sessions.push(session)
    await call('tasks.createTask', {}, { token: session })
    await call('heartbeat.beat', {}, { token: session })
    await expect(call('tasks.getAssignment', { assignmentId: 'none' }, { token: session })).rejects.toThrow('invalid_input')
  }

  // What was used lies about until that memory is used for something else, which may be at once: the search finds it sooner or later.
  const shown = async () => {
    for (const session of sessions) await call('settlement.balance', {}, { token: session })
    return Object.keys(countInMemory(pid, secrets)).length
  }
  await expect.poll(shown, { timeout: 60_000 }).toBeGreaterThan(AGENTS / 2)

  await call('server.info', {}, { headers: { 'x-filler': FILLER } })
  const collected = () => server.stderr.split('collected').length
  // Threads of the collector overwrite what was freed; a loaded machine lets them wait.
  const known = async () => {
    const before = collected()
    process.kill(pid, 'SIGUSR2')
    await vi.waitUntil(() => collected() > before, { timeout: 60_000 })
    return countInMemory(pid, secrets)
  }
  await expect.poll(known, { timeout: 60_000, interval: 500 }).toEqual({})
  expect(await stop()).toBe(0)
  rmSync(directory, { recursive: true })
})
