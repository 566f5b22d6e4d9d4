import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { acquireDaemonLock, findDaemon } from './daemon-lock.ts'

const info = { pid: process.pid, agentId: 'ada', sinceMs: 1 }
let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'daemon-lock-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

/** Hold the lock in another process until it is killed. */
async function holdElsewhere() {
  const script = `
    const { acquireDaemonLock } = await import(${JSON.stringify(join(import.meta.dirname, 'daemon-lock.ts'))})
    const lock = acquireDaemonLock(${JSON.stringify(directory)}, { pid: process.pid, agentId: 'bob', sinceMs: 2 })
    console.log(lock ? 'held' : 'taken')
    setInterval(() => lock, 1000)`
  const child = spawn(process.execPath, ['--conditions=source', '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [said] = (await once(child.stdout, 'data')) as [Buffer]
  return { child, said: said.toString().trim() }
}

test('one holds it; the next gets it once it is released', () => {
  const lock = acquireDaemonLock(directory, info)
  expect(lock).toBeDefined()
  expect(findDaemon(directory)).toEqual(info)
  expect(acquireDaemonLock(directory, info)).toBeUndefined()

  lock?.release()
  expect(findDaemon(directory)).toBeUndefined()
  const next = acquireDaemonLock(directory, info)
  expect(next).toBeDefined()
  next?.release()
})

test('it dies with a process that is killed, and names who holds it until then', async () => {
  const { child, said } = await holdElsewhere()
  expect(said).toBe('held')
  expect(acquireDaemonLock(directory, info)).toBeUndefined()
  expect(findDaemon(directory)).toEqual({ pid: child.pid, agentId: 'bob', sinceMs: 2 })

  child.kill('SIGKILL')
  await once(child, 'exit')
  expect(findDaemon(directory)).toBeUndefined()
  acquireDaemonLock(directory, info)?.release()
})
