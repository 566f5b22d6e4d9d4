import { constants } from 'node:fs'
import { access, copyFile, mkdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { safeFileName } from '../daemon/file-name.ts'
import { type JobDirectory, makePrivateDirectory, prepareJobDirectory } from '../daemon/job-directory.ts'
import { type JobResult, runJob } from '../daemon/run-job.ts'
import { BriefError } from './brief-error.ts'
import { detectIsolation, isolate } from './isolation.ts'
import { type Findings, faultName, type ResultFile, trouble } from './report.ts'
import { parseTestSuite, TEST_MS_DEFAULT, type TestSuite } from './test-suite.ts'

/** What the tests weigh beside the rules. */
const TEST_WEIGHT = 1
const TEST_MEMORY_BYTES_MAX = 2 * 1024 ** 3
const TEST_OUTPUT_BYTES_MAX = 16 * 1024 * 1024
/** Shells keep 126 and up for what they could not run, and 128 + n for signals. */
const FAILED_EXIT_MAX = 125
const STARTED = 'started'
/** Leaves a mark just before the tests take over: without it a non-zero exit is our own machinery's. */
const MARK = `: > ${STARTED} && cd suite && exec "$@"`

/**
 * Run a test suite over copies of the results in a fresh private directory, isolated as far as the system allows.
 * Exit 0 is passed, 1–125 is failed, anything else (126 and up, a signal, time or output exceeded, a start that failed) is trouble `inconclusive`.
 * What the tests print stays here: the report goes to the buyer who wrote them, and they could print what they read on this machine.
 *
 * @param hide - Directories the tests must not see, such as the one with this agent's keys; needs isolation `files`.
 */
export async function runTests(
  input: TestSuite,
  files: readonly ResultFile[],
  { hide = [], signal }: { hide?: readonly string[]; signal?: AbortSignal },
): Promise<Findings> {
  let job: JobDirectory | undefined
  try {
    const suite = parseTestSuite(input)
    job = await prepareJobDirectory(tmpdir(), 'review-tests')
    await unpack(suite, files, job)
    const argv = ['/bin/sh', '-c', MARK, 'sh', ...suite.command, job.input]
    const timeoutMs = suite.timeoutMs ?? TEST_MS_DEFAULT
    const cpuS = Math.ceil(timeoutMs / 1000) + 1
    const result = await runJob({
      command: isolate(argv, await detectIsolation(), { hide, cpuS }),
      directory: job.directory,
      env: { LANG: 'C.UTF-8', TZ: 'UTC' },
      timeoutMs,
      outputBytesMax: TEST_OUTPUT_BYTES_MAX,
      memoryBytesMax: TEST_MEMORY_BYTES_MAX,
      ...(signal && { signal }),
    })
    const hasStarted = await access(join(job.directory, STARTED)).then(
      () => true,
      () => false,
    )
    return judge(result, hasStarted)
  } catch (error) {
    if (error instanceof BriefError) return trouble('inconclusive', `the brief cannot be used: ${error.message}`)
    return trouble('inconclusive', `the tests could not run: ${faultName(error)}`)
  } finally {
    // What hostile tests made undeletable stays behind in the temporary directory; that changes no verdict.
    if (job) await rm(job.directory, { recursive: true, force: true }).catch(() => undefined)
  }
}

function judge({ exit, signal, timedOut, outputTooLarge, durationMs }: JobResult, hasStarted: boolean): Findings {
  const check = { name: 'tests', kind: 'test', weight: TEST_WEIGHT } as const
  if (timedOut) return trouble('inconclusive', `the tests were stopped after ${durationMs} ms`)
  if (outputTooLarge) return trouble('inconclusive', `the tests wrote more than ${TEST_OUTPUT_BYTES_MAX} bytes`)
  if (exit === null) return trouble('inconclusive', `the tests were ended by ${signal ?? 'an abort'}`)
  if (!hasStarted || exit > FAILED_EXIT_MAX) return trouble('inconclusive', `the tests could not be run here (exit ${exit})`)
  return { checks: [exit === 0 ? { ...check, passed: true } : { ...check, passed: false, reason: `exit ${exit}` }] }
}

async function unpack(suite: TestSuite, files: readonly ResultFile[], { directory, input }: JobDirectory): Promise<void> {
  const home = await makePrivateDirectory(join(directory, 'suite'))
  for (const { name, contentBase64 } of suite.files) {
    const path = join(home, name)
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    await writeFile(path, Buffer.from(contentBase64, 'base64'), { mode: 0o700, flag: 'wx' })
  }
  for (const { name, path } of files) {
    await copyFile(path, join(input, safeFileName(name)), constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
  }
}
