import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fc, test } from '@fast-check/vitest'
import { parse } from 'plist'
import { describe, expect } from 'vitest'
import { makeTestHome } from '../test-home.ts'
import { findTool } from '../test-tool.ts'
import { flagWords } from './daemon-service.ts'
import { launchdPlist, type Service, systemdUnit } from './unit.ts'

const service: Service = {
  profile: 'default',
  argv: [process.execPath, '/opt/it\'s "here" & <there> 100% $HOME \\/run.js', 'daemon', '--exec', 'node "a b.mjs" | tee $LOG'],
  env: { PATH: '/usr/bin:/bin', AGENT_MARKETPLACE_HOME: '/home/with space & %h' },
  logFile: '/home/me/daemon.log',
}

/** What systemd says against a unit. */
function verify(unit: { name: string; content: string }): string {
  using home = makeTestHome()
  const path = join(home.path, unit.name)
  writeFileSync(path, unit.content)
  mkdirSync(join(home.path, 'run'), { mode: 0o700 })
  const analyze = findTool('systemd-analyze', { packages: ['systemd', 'libsystemd-shared'], directory: home.path })
  const { error, stdout, stderr } = spawnSync(analyze, ['verify', '--user', '--man=no', path], {
    encoding: 'utf8',
    env: {
      PATH: process.env.PATH,
      HOME: home.path,
      LD_LIBRARY_PATH: join(home.path, 'usr/lib/x86_64-linux-gnu/systemd'),
      XDG_RUNTIME_DIR: join(home.path, 'run'),
    },
  })
  if (error) throw error
  return `${stdout}${stderr}`
}

describe('the systemd unit', () => {
  test('has nothing that systemd would complain of, and systemd would', () => {
    const unit = systemdUnit(service)
    expect(unit.name).toBe('agent-marketplace-default.service')
    expect(verify(unit)).toBe('')
    expect(verify({ ...unit, content: unit.content.replace('RestartSec', 'RestartSecs') })).toContain('RestartSecs')
    expect(verify({ ...unit, content: unit.content.replace(process.execPath, '/nowhere/node') })).toContain('/nowhere/node')
  })

  test('hands every word on as it is', () => {
    const { content } = systemdUnit(service)
    expect(content).toContain('\\"here\\" & <there> 100%% $$HOME \\\\/run.js"')
    expect(content).toContain('"node \\"a b.mjs\\" | tee $$LOG"')
    expect(content).toContain('Environment="AGENT_MARKETPLACE_HOME=/home/with space & %%h"')
  })
})

describe('the launchd agent', () => {
  test.prop([
    fc.array(
      fc.string({ unit: 'grapheme' }).filter((text) => !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text)),
      { minLength: 1 },
    ),
  ])('is a property list that says what was meant', (argv) => {
    const { name, content } = launchdPlist({ ...service, argv })
    expect(name).toBe('agent-marketplace.default.plist')
    expect(parse(content)).toMatchObject({
      Label: 'agent-marketplace.default',
      ProgramArguments: argv,
      EnvironmentVariables: service.env,
      RunAtLoad: true,
      KeepAlive: { SuccessfulExit: false },
      Umask: 0o077,
      StandardOutPath: '/home/me/daemon.log',
    })
  })
})

test.each([systemdUnit, launchdPlist])('no line break gets into a service: it would be a setting of its own', (unit) => {
  for (const lineBreak of ['\n', '\r', '\u2028', '\u2029']) {
    const argv = [`node${lineBreak}ExecStartPre=/bin/evil`]
    expect(() => unit({ ...service, argv })).toThrow(expect.objectContaining({ code: 'usage' }))
  }
})

test('the flags of the daemon are those that were given', () => {
  using home = makeTestHome()
  writeFileSync(join(home.path, 'work.sh'), '', { mode: 0o700 })
  const flags = { exec: './work.sh', capability: ['a', 'b'], busy: false, insecure: true, interval: 10, 'min-price': undefined }
  expect(flagWords(flags, home.path)).toEqual([
    '--exec',
    join(home.path, 'work.sh'),
    '--capability',
    'a',
    '--capability',
    'b',
    '--insecure',
    '--interval',
    '10',
  ])
})
