import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { load } from './load.ts'
import { startSubject } from './subject.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'bench-'))
  return () => rmSync(directory, { recursive: true })
})

const start = () => startSubject('bare', ['bench/servers/bare-store.ts', directory], false)

test('a server that ends while it is measured ends the measurement, and says so', { timeout: 60_000 }, async () => {
  const subject = await start()
  const request = () => ({ method: 'PUT' as const, path: '/file', headers: {}, body: 'x' })
  const loaded = load('bare', request, { origin: subject.origin, connections: 2, seconds: 600, calls: 1_000_000 })
  process.kill(subject.pid, 'SIGKILL')

  await expect(loaded).rejects.toThrow('calls failed')
  await expect(subject[Symbol.asyncDispose]()).rejects.toThrow('bare ended while it was measured (SIGKILL)')
})

test('a server that ends when it is told to has not failed', async () => {
  await expect((await start())[Symbol.asyncDispose]()).resolves.toBeUndefined()
})

test('one that ends before it listens says so', async () => {
  await expect(startSubject('nothing', ['--eval', '0'], false)).rejects.toThrow('nothing ended before it said anything')
})
