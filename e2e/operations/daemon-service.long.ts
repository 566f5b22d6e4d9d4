// `daemon install` under a real systemd: LONG=1, and root, since a session of systemd is made for it where there is none.
import { chmodSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Stage } from '../stage/stage.ts'
import { SystemdSession } from '../stage/systemd-session.ts'

const BIN = join(import.meta.dirname, '../../bin/agent-marketplace')
const SERVICE = 'agent-marketplace-default.service'
/** The unit waits ten seconds before it starts a daemon again; the machine may be busy. */
const SOON = { timeout: 60_000, interval: 500 }

test('installed, the daemon runs; killed, it is started again, unless that would not mend it; uninstalled, it is gone', {
  timeout: 300_000,
}, async () => {
  await using stage = new Stage()
  await stage.server.start()
  const agent = stage.agent('agent')
  await agent.json('register', '--agent-id', 'agent', '--capability', 'text.extract')
  await using session = await SystemdSession.open(join(stage.directory, 'user'))
  const marketplace = async (...args: string[]) => {
    const env = Object.entries(agent.env).map(([name, value]) => `${name}=${value}`)
    const { exit, stdout, stderr } = await session.run('env', ...env, BIN, ...args, '--json')
    if (exit !== 0) throw new Error(stdout + stderr)
    return JSON.parse(stdout)
  }
  const show = async (property: string) =>
    (await session.run('systemctl', '--user', 'show', '--value', '--property', property, SERVICE)).stdout.trim()
  const mainPid = () => show('MainPID')

  const installed = await marketplace('daemon', 'install', '--exec', 'echo it\'s > "output/100% $HOME.txt"')
  expect(installed).toMatchObject({ service: SERVICE, manager: 'systemd', started: true })
  await expect.poll(() => marketplace('daemon', 'status'), SOON).toMatchObject({ running: true, agentId: 'agent' })
  const first = await mainPid()
  expect(String((await marketplace('daemon', 'status')).pid)).toBe(first)
  // Every word came through the unit as it was typed.
  const words = (await session.run('cat', `/proc/${first}/cmdline`)).stdout.split('\0')
  expect(words).toContain('echo it\'s > "output/100% $HOME.txt"')
  await expect.poll(async () => (await agent.json('agents', 'show', 'agent')).alive, SOON).toBe(true)

  await session.run('kill', '-KILL', first)
  await expect.poll(mainPid, SOON).toMatch(/^[1-9]/)
  await expect.poll(async () => (await mainPid()) !== first && (await marketplace('daemon', 'status')).running, SOON).toBe(true)
  expect(await show('NRestarts')).toBe('1')

  // Installed again, it takes the new flags.
  const before = await mainPid()
  await marketplace('daemon', 'install', '--busy')
  await expect.poll(async () => (await mainPid()) !== before && (await marketplace('daemon', 'status')).running, SOON).toBe(true)
  expect((await session.run('cat', `/proc/${await mainPid()}/cmdline`)).stdout.split('\0')).toContain('--busy')

  // A stop in good order is no failure.
  await marketplace('daemon', 'stop')
  await expect.poll(() => show('ActiveState'), SOON).toBe('inactive')

  // Exit 7, local state: systemd does not try that again, where it otherwise would.
  const keys = join(agent.home, 'profiles/default/keyring.json')
  chmodSync(keys, 0o644)
  await session.run('systemctl', '--user', 'start', SERVICE)
  await expect.poll(() => show('ActiveState'), SOON).toBe('failed')
  expect(await show('ExecMainStatus')).toBe('7')
  chmodSync(keys, 0o600)

  await marketplace('daemon', 'uninstall')
  expect(existsSync(installed.path)).toBe(false)
  expect(await show('LoadState')).toBe('not-found')
  expect(await marketplace('daemon', 'status')).toMatchObject({ running: false })
})
