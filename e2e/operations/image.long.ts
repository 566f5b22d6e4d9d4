// The image of the Containerfile: built from a fresh clone and run, LONG=1 and root. What it begins with is Debian and Node as they are here.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { findFreePort } from '../../packages/platform-server/test/free-port.ts'
import { Running } from '../stage/process.ts'
import { ImageBuilder } from './image-builder.ts'

const ROOT = join(import.meta.dirname, '../..')
const FILE = 'packages/platform-server/deploy/Containerfile'

test('the image is built from a clone, serves as a user of its own, and stops as it is told', {
  timeout: 900_000,
}, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'image-'))
  const clone = join(directory, 'clone')
  execFileSync('git', ['clone', '--quiet', '--no-hardlinks', ROOT, clone])
  const builder = new ImageBuilder(directory)
  const [, base = ''] = /^FROM (\S+) AS build$/m.exec(readFileSync(join(clone, FILE), 'utf8')) ?? []
  builder.makeBase(base)
  builder.build(join(clone, FILE), clone, 'agent-marketplace')

  const [port, relayPort] = [await findFreePort(), await findFreePort()]
  const [command, args] = builder.start('agent-marketplace', {
    AGENT_MARKETPLACE_ADDR: `127.0.0.1:${port}`,
    AGENT_MARKETPLACE_RELAY_ADDR: `127.0.0.1:${relayPort}`,
  })
  const server = new Running(command, args)
  onTestFinished(() => void (server.hasEnded || server.child.kill('SIGKILL')))
  const { pid } = await server.line(({ event }) => event === 'listening')
  expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(200)
  expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(/^Uid:\s+10001\s/m)
  process.kill(Number(pid), 'SIGTERM')
  expect(await server.ended).toBe(0)
  rmSync(directory, { recursive: true, force: true })
})
