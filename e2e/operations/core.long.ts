// A real core of a server that crashed: written by the kernel, searched for every session that was shown to it.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { makeAgent } from '../stage/call.ts'
import { ORIGIN, startControl } from '../stage/control.ts'

const PATTERN = '/proc/sys/kernel/core_pattern'
/** All private and all mapped memory. */
const EVERYTHING = '0x7f'
const AGENTS = 6

beforeAll(() => {
  if (/[|/]/.test(readFileSync(PATTERN, 'utf8'))) throw new Error(`cores go elsewhere here; as root: echo core > ${PATTERN}`)
})

/** @param filter - What goes into the core instead of what the server lets in. @returns how many of the sessions are in it, of how many bytes. */
async function crash(filter?: string): Promise<{ sessions: number; bytes: number }> {
  const directory = mkdtempSync(join(tmpdir(), 'core-'))
  const place = join(directory, 'place')
  mkdirSync(place)
  const { server, call } = await startControl(join(directory, 'data'), { shell: `ulimit -c unlimited; cd ${place}` })
  const pid = server.child.pid ?? 0
  const sessions: string[] = []
  for (let index = 0; index < AGENTS; index++) {
    const agent = makeAgent(`agent-${index}`, ORIGIN)
    await agent.register(call)
    const session = await agent.openSession(call)
    await call('heartbeat.beat', {}, { token: session })
    sessions.push(session)
  }
  if (filter) writeFileSync(`/proc/${pid}/coredump_filter`, filter)
  process.kill(pid, 'SIGABRT')
  await server.ended
  const [name] = readdirSync(place)
  if (name === undefined) throw new Error('the kernel wrote no core')
  const core = readFileSync(join(place, name))
  rmSync(directory, { recursive: true })
  return { sessions: sessions.filter((session) => core.includes(session)).length, bytes: core.length }
}

test('no session is in a core of the server, and all of them would be', { timeout: 120_000 }, async () => {
  const open = await crash(EVERYTHING)
  const { sessions, bytes } = await crash()
  console.log(JSON.stringify({ open, closed: { sessions, bytes } }))

  expect(open.sessions).toBeGreaterThan(AGENTS / 2)
  expect(sessions).toBe(0)
})
