import { mkdtempSync, rmSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, test } from 'vitest'
import { prepareJobDirectory } from './job-directory.ts'
import { type JobOptions, type JobResult, KILL_GRACE_MS, runJob } from './run-job.ts'
import { TAIL_BYTES } from './tail.ts'

const parent = mkdtempSync(join(tmpdir(), 'run-job-test-'))
afterAll(() => rmSync(parent, { recursive: true }))

async function run(
  command: JobOptions['command'],
  options: Partial<JobOptions> = {},
): Promise<JobResult & { directory: string }> {
  const directory = options.directory ?? (await prepareJobDirectory(parent, 'job')).directory
  const result = await runJob({ command, directory, timeoutMs: 60_000, outputBytesMax: 1_000_000, ...options })
  return { ...result, directory }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** A killed orphan is a zombie until somebody reaps it. */
async function isGone(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 600; tries++) {
    if (!isAlive(pid)) return true
    const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z')
    if (state.includes(') Z')) return true
    await sleep(50)
  }
  return false
}

/** A job that takes too long, whatever it is given, once it was given enough to say something. */
async function overrun(command: string): Promise<JobResult & { timeoutMs: number }> {
  for (let timeoutMs = 300; ; timeoutMs *= 2) {
    const result = await run(command, { timeoutMs })
    if (result.stdoutTail !== '') return { ...result, timeoutMs }
  }
}

describe('runJob', () => {
  test('runs a line in its directory and tells what it prints, as it prints it', async () => {
    const printed = { stdout: '', stderr: '' }
    const log = (stream: 'stdout' | 'stderr', chunk: Buffer) => {
      printed[stream] += chunk.toString()
    }
    const result = await run('pwd; echo oops >&2; echo made > output/r.txt', { log })
    expect(result).toMatchObject({ exit: 0, signal: null, timedOut: false, outputTooLarge: false, stderrTail: 'oops\n' })
    expect(result.stdoutTail).toBe(`${result.directory}\n`)
    expect(printed).toEqual({ stdout: `${result.directory}\n`, stderr: 'oops\n' })
    expect(await readFile(join(result.directory, 'output/r.txt'), 'utf8')).toBe('made\n')
    expect((await stat(join(result.directory, 'tmp'))).mode & 0o777).toBe(0o700)
  })

  test('runs an argv without a shell in between', async () => {
    expect(await run(['printf', '%s|', '$HOME', 'a b', '*'])).toMatchObject({ exit: 0, stdoutTail: '$HOME|a b|*|' })
  })

  test('gives a clean environment: nothing of ours but PATH, LANG and TZ', async () => {
    process.env.AGENT_MARKETPLACE_REGISTRATION_TOKEN = 'a-secret'
    try {
      const result = await run(['env'], { env: { AGENT_MARKETPLACE_ASSIGNMENT_ID: 'asg_1' } })
      const names = result.stdoutTail.split('\n').map((line) => line.split('=')[0])
      expect(names.filter((name) => name && !['PWD', 'SHLVL', '_', 'OLDPWD'].includes(name)).sort()).toEqual([
        'AGENT_MARKETPLACE_ASSIGNMENT_ID',
        'HOME',
        'LANG',
        'PATH',
        'TMPDIR',
        'TZ',
      ])
      expect(result.stdoutTail).toContain(`HOME=${result.directory}\n`)
      expect(result.stdoutTail).toContain(`TMPDIR=${result.directory}/tmp\n`)
    } finally {
      delete process.env.AGENT_MARKETPLACE_REGISTRATION_TOKEN
    }
  })

  test('reports how a failing, missing or killed command ended, and does not throw', async () => {
    expect(await run('exit 7')).toMatchObject({ exit: 7, signal: null })
    expect(await run(['/no/such/command'])).toMatchObject({ exit: 127 })
    expect(await run('kill -9 $$')).toMatchObject({ exit: null, signal: 'SIGKILL' })
  })

  test('throws when there is no directory to run in', async () => {
    await expect(run('true', { directory: join(parent, 'missing') })).rejects.toThrow('ENOENT')
  })

  test('a time-out kills the grandchildren too', async () => {
    const result = await overrun('sh -c "sleep 100 & echo \\$!; wait" & wait')
    expect(result).toMatchObject({ exit: null, signal: 'SIGTERM', timedOut: true })
    expect(await isGone(Number(result.stdoutTail))).toBe(true)
  })

  test('a command deaf to SIGTERM is killed after the grace time', async () => {
    const result = await overrun('trap "" TERM; echo $$; while :; do sleep 0.1; done')
    expect(result).toMatchObject({ signal: 'SIGKILL', timedOut: true })
    expect(result.durationMs).toBeGreaterThanOrEqual(result.timeoutMs + KILL_GRACE_MS - 50)
    expect(await isGone(Number(result.stdoutTail))).toBe(true)
  })

  test('what the command left in the background ends with it', async () => {
    const result = await run('sleep 100 & echo $!')
    expect(result).toMatchObject({ exit: 0, timedOut: false })
    expect(result.durationMs).toBeLessThan(10_000)
    expect(await isGone(Number(result.stdoutTail))).toBe(true)
  })

  test('a process that left the group does not keep the job open', async () => {
    const result = await run('setsid sleep 30 & exit 3')
    expect(result.exit).toBe(3)
    expect(result.durationMs).toBeLessThan(3_000)
  })

  test('an abort ends a running job; an earlier one lets it not start', async () => {
    const abort = new AbortController()
    setTimeout(() => abort.abort(), 200)
    const result = await run('sleep 100', { signal: abort.signal })
    expect(result).toMatchObject({ exit: null, signal: 'SIGTERM', timedOut: false })
    expect(result.durationMs).toBeLessThan(5_000)
    expect(await run('touch output/ran', { signal: abort.signal })).toMatchObject({ exit: null, durationMs: 0 })
  })

  test('too much output stops the job while it runs', async () => {
    const result = await run('while :; do head -c 100000 /dev/zero >> output/big; sleep 0.01; done', { outputBytesMax: 500_000 })
    expect(result).toMatchObject({ exit: null, outputTooLarge: true, timedOut: false })
    expect(result.durationMs).toBeLessThan(10_000)
  })

  test('too much output written at the last moment is still seen', async () => {
    // On a busy machine the watcher can be faster than the command's own end.
    expect(await run('head -c 2000 /dev/zero > output/big', { outputBytesMax: 1_999 })).toMatchObject({ outputTooLarge: true })
    expect(await run('head -c 1999 /dev/zero > output/big', { outputBytesMax: 1_999 })).toMatchObject({
      exit: 0,
      outputTooLarge: false,
    })
  })

  test('a talkative command does not block, and its tail stays bounded', async () => {
    const result = await run(`head -c 3000000 /dev/zero | tr '\\0' x; printf end`)
    expect(result).toMatchObject({ exit: 0, timedOut: false })
    expect(result.stdoutTail).toBe(`${'x'.repeat(TAIL_BYTES - 3)}end`)
  })

  test('limits the memory of a process, and leaves room for a runtime that only reserves much', async () => {
    const script =
      'console.log("up"); const eaten = []; while (eaten.length < 40) eaten.push(Buffer.alloc(16 << 20, 1)); console.log("ate")'
    const eat = [process.execPath, '-e', script]
    expect(await run(eat, { memoryBytesMax: 1_500_000_000 })).toMatchObject({ exit: 0, stdoutTail: 'up\nate\n' })
    const starved = await run(eat, { memoryBytesMax: 1_000_000_000 })
    expect(starved.stdoutTail).toBe('up\n')
    expect(starved.exit).not.toBe(0)
  })
})
