import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { detectIsolation } from './isolation.ts'
import type { Findings } from './report.ts'
import { runTests } from './run-tests.ts'
import type { TestSuite } from './test-suite.ts'

let directory: string
let path: string
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'run-tests-test-'))
  path = join(directory, 'local-name')
  await writeFile(path, 'original')
  // Others who test beside this one leave theirs elsewhere.
  await mkdir(join(directory, 'tmp'))
  vi.stubEnv('TMPDIR', join(directory, 'tmp'))
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(directory, { recursive: true })
})

function suite(script: string, timeoutMs = 60_000): TestSuite {
  return { files: [{ name: 'run', contentBase64: base64(`#!/bin/sh\n${script}\n`) }], command: ['./run'], timeoutMs }
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}

function run(tests: TestSuite, hide: string[] = []): Promise<Findings> {
  return runTests(tests, [{ name: 'result.txt', path }], { hide })
}

/** `passed`, the reason of a failed check, or the outcome of trouble. */
async function outcome(tests: TestSuite, hide?: string[]): Promise<string | undefined> {
  const { checks, trouble } = await run(tests, hide)
  return trouble?.outcome ?? (checks[0]?.passed ? 'passed' : checks[0]?.reason)
}

const leftovers = async () => (await readdir(tmpdir())).filter((name) => name.startsWith('review-tests-'))

describe('runTests', () => {
  test.each([
    ['exit 0', 'passed'],
    ['exit 1', 'exit 1'],
    ['exit 125', 'exit 125'],
    ['exit 126', 'inconclusive'],
    ['exit 127', 'inconclusive'],
    ['exec /no/such/interpreter', 'inconclusive'],
    ['kill -9 $$', 'inconclusive'],
    ['head -c 20000000 /dev/zero > ../output/x', 'inconclusive'],
  ])('%s: %s', async (script, expected) => {
    expect(await outcome(suite(script))).toBe(expected)
  })

  test('tests that hang are inconclusive', async () => {
    const { checks, trouble } = await run(suite('sleep 60', 300))
    expect(checks).toEqual([])
    expect(trouble).toEqual({ outcome: 'inconclusive', reason: expect.stringMatching(/^the tests were stopped after \d+ ms$/) })
  })

  test('tests that cannot start are inconclusive', async () => {
    expect(await outcome({ ...suite(''), command: ['./gone'] })).toBe('inconclusive')
    expect(
      await outcome({ files: [{ name: 'run', contentBase64: base64('#!/no/such/interpreter\n') }], command: ['./run'] }),
    ).toBe('inconclusive')
    expect(await outcome(suite('exit 0'), [join(directory, 'nothing to hide')])).toBe('inconclusive')
  })

  test('an exit code of the wrapper is not taken for one of the tests', async () => {
    expect(await detectIsolation()).not.toBe('none')
    const path = process.env.PATH
    await writeFile(join(directory, 'unshare'), '#!/bin/sh\nexit 1\n', { mode: 0o755 })
    process.env.PATH = `${directory}:${path}`
    try {
      expect(await run(suite('exit 0'))).toEqual({
        checks: [],
        trouble: { outcome: 'inconclusive', reason: 'the tests could not be run here (exit 1)' },
      })
    } finally {
      process.env.PATH = path
    }
  })

  test('work on copies, with nested files, and leave nothing behind', async () => {
    const before = await leftovers()
    const tests = suite(
      'test "$(cat cases/one)" = 1 && grep -q original "$1/result.txt" && echo changed > "$1/result.txt" && chmod 000 "$1"',
    )
    expect(await outcome({ ...tests, files: [...tests.files, { name: 'cases/one', contentBase64: base64('1') }] })).toBe('passed')
    expect(await readFile(path, 'utf8')).toBe('original')
    expect(await leftovers()).toEqual(before)
  })

  test('what tests print, and where this machine keeps things, does not reach the report', async () => {
    expect(await run(suite('echo s3cret; echo s3cret >&2; exit 3'))).toEqual({
      checks: [{ name: 'tests', kind: 'test', passed: false, weight: 1, reason: 'exit 3' }],
    })
    const clash = { name: 'same', path }
    const { trouble } = await runTests(suite(''), [clash, clash], {})
    expect(trouble).toEqual({ outcome: 'inconclusive', reason: 'the tests could not run: EEXIST' })
  })

  test('cannot reach the network, not even this machine', async () => {
    expect(await detectIsolation()).not.toBe('none')
    const server = createServer((socket) => socket.end()).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : 0
    const probe = `require("net").connect(${port}, "127.0.0.1").on("connect", () => process.exit(0)).on("error", () => process.exit(9))`
    expect(await outcome(suite(`exec '${process.execPath}' -e '${probe}'`))).toBe('exit 9')
    server.close()
  })

  test('cannot see a hidden directory, nor uncover it', async () => {
    expect(await detectIsolation()).toBe('full')
    const hidden = join(directory, 'keys of mine')
    await mkdir(hidden)
    await writeFile(join(hidden, 'key'), 'secret')
    const look = suite(`umount '${hidden}' 2>/dev/null; umount -l '${hidden}' 2>/dev/null; cat '${hidden}/key' && exit 0; exit 9`)
    expect(await outcome(look)).toBe('passed')
    expect(await outcome(look, [hidden])).toBe('exit 9')
  })

  test('cannot see or end a process of this machine, and nothing it starts outlives it', async () => {
    expect(await detectIsolation()).toBe('full')
    const others = `ls /proc | grep -c '^[0-9]' > ../output/seen; test "$(cat ../output/seen)" -lt 10 && ! kill -0 ${process.pid} 2>/dev/null`
    expect(await outcome(suite(others))).toBe('passed')

    const mark = `left-behind-${process.pid}`
    const leave = `cp "$(command -v sleep)" ../${mark}; for i in 1 2 3 4 5; do setsid ../${mark} 60 & done; exit 0`
    expect(await outcome(suite(leave))).toBe('passed')
    await expect.poll(() => processesNamed(mark), { timeout: 60_000 }).toEqual([])
  })

  test('a fork bomb is stopped with all its children, and has a limit to how many it may have', async () => {
    const limits = suite(
      "grep -q 'Max processes *512 ' /proc/self/limits && grep -q 'Max cpu time *11 ' /proc/self/limits",
      10_000,
    )
    expect(await outcome(limits)).toBe('passed')

    const mark = `bomb-${process.pid}`
    // Grows until it is stopped, but slowly: root, who has no limit, runs this test too.
    const bomb = `cp "$(command -v sleep)" ../${mark}; while :; do setsid ../${mark} 60 & setsid sh -c '../${mark} 60 & ../${mark} 60' & sleep 0.02; done`
    expect(await run(suite(bomb, 1_000))).toMatchObject({ checks: [], trouble: { outcome: 'inconclusive' } })
    await expect.poll(() => processesNamed(mark), { timeout: 60_000 }).toEqual([])
  })
})

/** Command lines of processes of this machine that name a thing. */
function processesNamed(mark: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .flatMap((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ')
      } catch {
        return []
      }
    })
    .filter((line) => line.includes(mark))
}
