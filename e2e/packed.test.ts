import { execFileSync, spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { publint } from 'publint'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '..')
const PACKAGES = ['agent-cli', 'protocol'] as const
/** Nothing is fetched: the packages have to be whole. */
const NPM = ['--offline', '--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error']

let place: string
const tarballs = {} as Record<(typeof PACKAGES)[number], string>
const env = () => ({
  // This Node before any other of the machine.
  PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
  HOME: join(place, 'home'),
  AGENT_MARKETPLACE_SERVER: 'http://127.0.0.1:1',
  npm_config_cache: join(place, 'npm'),
})

beforeAll(() => {
  place = mkdtempSync(join(realpathSync(tmpdir()), 'packed-'))
  mkdirSync(join(place, 'home'))
  for (const name of PACKAGES) {
    const options = { cwd: join(ROOT, 'packages', name), encoding: 'utf8', env: env() } as const
    const [packed] = JSON.parse(execFileSync('npm', ['pack', '--json', '--pack-destination', place, ...NPM], options))
    tarballs[name] = join(place, basename(packed.filename))
  }
})
afterAll(() => rmSync(place, { recursive: true }))

describe('the packed command line', () => {
  let prefix: string
  beforeAll(() => {
    prefix = join(place, 'prefix')
    execFileSync('npm', ['install', '--global', '--prefix', prefix, ...NPM, tarballs['agent-cli']], { env: env(), stdio: 'pipe' })
  })

  const run = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(join(prefix, 'bin', 'agent-marketplace'), args, {
      cwd: place,
      env: env(),
      encoding: 'utf8',
    })
    return { status, stdout, stderr }
  }

  test('is installed alone: no other package, no script of its own', () => {
    const modules = join(prefix, 'lib', 'node_modules')
    expect(globSync('**/package.json', { cwd: modules }).sort()).toEqual(['@agent-marketplace/agent-cli/package.json'])
    const { dependencies, scripts } = JSON.parse(readFileSync(join(modules, '@agent-marketplace/agent-cli/package.json'), 'utf8'))
    expect([dependencies, scripts]).toEqual([undefined, undefined])
    for (const name of ['LICENSE', 'README.md', 'dist/licenses.txt', 'dist/skills/agent-marketplace/SKILL.md'])
      expect(existsSync(join(modules, '@agent-marketplace/agent-cli', name)), name).toBe(true)
  })

  test('blinds tokens in a thread of its own', () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const file = join(prefix, 'lib/node_modules/@agent-marketplace/agent-cli/dist/agent/blind-worker.js')
    const script = join(place, 'blind.mjs')
    writeFileSync(
      script,
      `import { openBlindThread } from ${JSON.stringify(file)}
      await using thread = openBlindThread(${JSON.stringify(publicKey.export({ format: 'jwk' }).n)})
      const blinded = await thread.blind([new Uint8Array(8), new Uint8Array(9)])
      console.log(JSON.stringify(blinded.map((each) => each.blinded.length)))`,
    )
    const output = execFileSync(process.execPath, [script], { env: env(), encoding: 'utf8' })
    expect(JSON.parse(output)).toEqual([256, 256])
  })

  test('runs outside of the workspace', () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'packages/agent-cli/package.json'), 'utf8'))
    expect(run('--version')).toEqual({ status: 0, stdout: `agent-marketplace ${version}\n`, stderr: '' })
    expect(run('--help').stdout).toContain('assignment')
    expect(run('whoami', '--json')).toMatchObject({ status: 7, stdout: expect.stringContaining('no identity yet') })
    // Opens the vault, signs, and finds nobody to send it to.
    const refused = run('register', '--agent-id', 'worker', '--timeout', '1', '--json')
    expect([refused.status, JSON.parse(refused.stdout).error.code]).toEqual([6, 'unreachable'])
    expect(run('completion', 'bash').stdout).toContain('complete -F _agent_marketplace agent-marketplace')

    const installed = run('skill', 'install', '--json')
    expect([installed.status, installed.stderr]).toEqual([0, ''])
    for (const path of JSON.parse(installed.stdout).installed)
      expect(readFileSync(join(path, 'SKILL.md'))).toEqual(readFileSync(join(ROOT, 'skills/agent-marketplace/SKILL.md')))
  })

  test('brings the license of everything that is bundled, with its wording', () => {
    const licenses = readFileSync(join(ROOT, 'packages/agent-cli/dist/licenses.txt'), 'utf8').split(`${'-'.repeat(80)}\n`)
    expect(licenses.length).toBeGreaterThan(20)
    for (const license of licenses) {
      expect(license.trim()).toMatch(/^(?:@[a-z0-9-]+\/)?[a-z0-9.-]+ \d+\.\d+\.\d\S* \([A-Za-z0-9.-]+\)/)
      expect(license.length, license.slice(0, 60)).toBeGreaterThan(400)
    }
  })
})

describe.each(PACKAGES)('the package %s', (name) => {
  test('has nothing that publint or attw would complain of', async () => {
    const bytes = new Uint8Array(readFileSync(tarballs[name]))
    const { messages } = await publint({ pack: { tarball: bytes.buffer }, strict: true, level: 'suggestion' })
    expect(messages).toEqual([])
    const analysis = await checkPackage(createPackageFromTarballData(bytes))
    if (analysis.types === false) return expect(name).toBe('agent-cli')
    // The profile of packages that are modules only: what resolves without `exports`, or by `require`, is not theirs.
    const problems = analysis.problems.filter(
      (problem) => problem.kind !== 'CJSResolvesToESM' && !('resolutionKind' in problem && problem.resolutionKind === 'node10'),
    )
    expect(problems).toEqual([])
  })

  test('holds no tests, nothing of the machine it was built on, and no address of a registry', () => {
    const names = execFileSync('tar', ['tzf', tarballs[name]], { encoding: 'utf8' })
    expect(names).not.toMatch(/\.test\.|tsbuildinfo|node_modules/)
    const content = execFileSync('tar', ['xzOf', tarballs[name]], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
    expect(content).not.toContain(ROOT)
    expect(content).not.toMatch(/"resolved":|_authToken/)
  })
})

test('the packed protocol is usable by its names alone', () => {
  const modules = join(place, 'consumer', 'node_modules')
  const own = join(modules, '@agent-marketplace', 'protocol')
  mkdirSync(own, { recursive: true })
  execFileSync('tar', ['xzf', tarballs.protocol, '--strip-components=1', '-C', own])
  for (const name of ['zod', 'tweetnacl']) symlinkSync(join(ROOT, 'packages/protocol/node_modules', name), join(modules, name))
  const script = `
    const { parseAmount } = await import('@agent-marketplace/protocol')
    const signing = await import('@agent-marketplace/protocol/signing')
    const sealing = await import('@agent-marketplace/protocol/sealing')
    console.log(parseAmount('5.25'), Object.keys(signing).length > 0, Object.keys(sealing).length > 0)`
  const options = { cwd: join(place, 'consumer'), encoding: 'utf8' } as const
  expect(execFileSync(process.execPath, ['--input-type=module', '-e', script], options)).toBe('5250000n true true\n')
})
