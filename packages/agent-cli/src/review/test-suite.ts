import { lstat, readdir, readFile } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { safeFileName } from '../daemon/file-name.ts'
import { BriefError } from './brief-error.ts'
import { isRecord } from './json-shape.ts'

/** Of all files of a suite together: it travels inside a sealed document. */
export const SUITE_BYTES_MAX = 1024 * 1024
const SUITE_FILES_MAX = 64
const SUITE_DEPTH_MAX = 8
const COMMAND_ARGUMENTS_MAX = 32
const ARGUMENT_CHARS_MAX = 4_096
export const TEST_MS_DEFAULT = 60_000
const TEST_MS_MAX = 600_000
/** The file of a test directory that is run. */
const ENTRY = 'run'
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

export interface TestSuite {
  /** `name` is a relative path with `/`, each segment a safe file name. Every file is executable where it is unpacked. */
  files: { name: string; contentBase64: string }[]
  /** Run in the directory of the files, with the directory of the results as one more argument. */
  command: string[]
  /** Default 60 s, at most 10 minutes. */
  timeoutMs?: number
}

/**
 * Pack a directory of tests for a brief. It must hold an executable file `run`, which is called as `./run RESULT_DIRECTORY`
 * and says passed (exit 0) or failed (exit 1–125).
 *
 * @throws BriefError when `run` is missing or not executable, or there is a link, a pipe, an unsafe name or too much in it.
 */
export async function readTestSuite(directory: string): Promise<TestSuite> {
  const entry = await lstat(join(directory, ENTRY)).catch(() => undefined)
  if (!entry?.isFile()) throw new BriefError('tests', `there is no file "${ENTRY}" in the test directory`)
  if ((entry.mode & 0o111) === 0) throw new BriefError('tests', `"${ENTRY}" is not executable (chmod +x it)`)

  const files: TestSuite['files'] = []
  let total = 0
  for (const dirent of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (dirent.isDirectory()) continue
    const path = join(dirent.parentPath, dirent.name)
    const name = relative(directory, path).split(sep).join('/')
    const stat = await lstat(path)
    if (!stat.isFile()) throw new BriefError('tests', `${name} is not a plain file`)
    total += stat.size
    if (files.length === SUITE_FILES_MAX) throw new BriefError('tests', `more than ${SUITE_FILES_MAX} files`)
    if (total > SUITE_BYTES_MAX) throw new BriefError('tests', `more than ${SUITE_BYTES_MAX} bytes`)
    files.push({ name, contentBase64: (await readFile(path)).toString('base64') })
  }
  files.sort((a, b) => (a.name < b.name ? -1 : 1))
  return parseTestSuite({ files, command: [`./${ENTRY}`] })
}

/**
 * Parse a test suite received in a brief: strict, safe names, the same caps as for packing.
 *
 * @throws BriefError
 */
export function parseTestSuite(input: unknown): TestSuite {
  if (!isRecord(input) || Object.keys(input).some((key) => !['files', 'command', 'timeoutMs'].includes(key))) {
    throw new BriefError('tests', 'must be an object of files, command and timeoutMs')
  }
  const { files, command, timeoutMs } = input
  if (!Array.isArray(files) || files.length === 0 || files.length > SUITE_FILES_MAX)
    throw new BriefError('tests.files', `must be a list of 1 to ${SUITE_FILES_MAX} files`)
  const suite: TestSuite = { files: files.map(parseFile), command: parseCommand(command) }
  if (new Set(suite.files.map(({ name }) => name)).size !== files.length)
    throw new BriefError('tests.files', 'two files have the same name')
  const bytes = suite.files.reduce((sum, { contentBase64 }) => sum + Buffer.byteLength(contentBase64, 'base64'), 0)
  if (bytes > SUITE_BYTES_MAX) throw new BriefError('tests.files', `more than ${SUITE_BYTES_MAX} bytes`)
  if (timeoutMs === undefined) return suite
  if (!Number.isInteger(timeoutMs) || (timeoutMs as number) < 1 || (timeoutMs as number) > TEST_MS_MAX) {
    throw new BriefError('tests.timeoutMs', `must be a whole number from 1 to ${TEST_MS_MAX}`)
  }
  return { ...suite, timeoutMs: timeoutMs as number }
}

function parseFile(input: unknown, index: number): TestSuite['files'][number] {
  const path = `tests.files[${index}]`
  if (!isRecord(input) || Object.keys(input).length !== 2)
    throw new BriefError(path, 'must be an object of name and contentBase64')
  const { name, contentBase64 } = input
  if (typeof name !== 'string' || typeof contentBase64 !== 'string' || !BASE64.test(contentBase64)) {
    throw new BriefError(path, 'must be an object of name and contentBase64')
  }
  const segments = name.split('/')
  if (segments.length > SUITE_DEPTH_MAX) throw new BriefError(`${path}.name`, `deeper than ${SUITE_DEPTH_MAX} directories`)
  try {
    segments.forEach(safeFileName)
  } catch (cause) {
    throw new BriefError(`${path}.name`, cause instanceof Error ? cause.message : 'is not safe', { cause })
  }
  return { name, contentBase64 }
}

function parseCommand(command: unknown): string[] {
  const isArgument = (argument: unknown): argument is string =>
    typeof argument === 'string' && argument !== '' && argument.length <= ARGUMENT_CHARS_MAX && !argument.includes('\0')
  if (!Array.isArray(command) || command.length === 0 || command.length > COMMAND_ARGUMENTS_MAX || !command.every(isArgument)) {
    throw new BriefError('tests.command', `must be a list of 1 to ${COMMAND_ARGUMENTS_MAX} non-empty strings`)
  }
  return command
}
