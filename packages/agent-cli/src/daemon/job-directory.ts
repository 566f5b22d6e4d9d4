import { chmod, lstat, mkdir, mkdtemp, opendir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { safeFileName } from './file-name.ts'

export interface JobDirectory {
  directory: string
  input: string
  output: string
}

/** One result file of a job: `name` is safe, `path` is absolute. */
export interface OutputFile {
  name: string
  path: string
  bytes: number
}

/** What a command left under `output/` cannot be handed on. */
export class OutputError extends Error {
  override readonly name = 'OutputError'
}

/** Make a directory only its owner can enter, whatever the umask. Throws if it exists. */
export async function makePrivateDirectory(path: string): Promise<string> {
  await mkdir(path, { mode: 0o700 })
  await chmod(path, 0o700)
  return path
}

/**
 * Make a fresh directory for one job: `<parent>/<name>-XXXXXX` with empty `input/` and `output/`, all 0700.
 *
 * @param parent - Made (0700) when it is missing.
 * @param name - A safe file name, such as an assignment id.
 */
export async function prepareJobDirectory(parent: string, name: string): Promise<JobDirectory> {
  await mkdir(parent, { recursive: true, mode: 0o700 })
  const directory = await mkdtemp(join(resolve(parent), `${safeFileName(name)}-`))
  await chmod(directory, 0o700)
  return {
    directory,
    input: await makePrivateDirectory(join(directory, 'input')),
    output: await makePrivateDirectory(join(directory, 'output')),
  }
}

/**
 * List what a finished job left directly under `<directory>/output`, sorted by name.
 * Nothing is skipped in silence: a link, a pipe, a directory or an unsafe name refuses the whole output, because half of a result is not the result.
 *
 * @throws OutputError (or FileNameError) when there is something else than plain files, more than `filesMax` of them or more than `bytesMax` bytes.
 */
export async function collectOutput(
  directory: string,
  { bytesMax, filesMax }: { bytesMax: number; filesMax: number },
): Promise<OutputFile[]> {
  const output = join(resolve(directory), 'output')
  if (!(await lstat(output)).isDirectory()) throw new OutputError('output/ is no longer a directory')

  const files: OutputFile[] = []
  let total = 0
  for await (const entry of await opendir(output)) {
    const name = safeFileName(entry.name)
    const path = join(output, name)
    const stat = await lstat(path)
    if (!stat.isFile()) throw new OutputError(`output/${name} is not a plain file: results lie directly under output/`)
    total += stat.size
    files.push({ name, path, bytes: stat.size })
    if (files.length > filesMax) throw new OutputError(`output/ holds more than ${filesMax} files`)
    if (total > bytesMax) throw new OutputError(`output/ holds more than ${bytesMax} bytes`)
  }
  return files.sort((a, b) => (a.name < b.name ? -1 : 1))
}

/**
 * Add up the sizes (bytes, as a reader would see them) of everything below a directory, following no links. A missing directory is empty.
 *
 * @param stopAbove - Counting ends as soon as the sum is above this.
 */
export async function measureDirectory(directory: string, stopAbove: number): Promise<number> {
  let total = 0
  const pending = [directory]
  for (let path = pending.pop(); path !== undefined && total <= stopAbove; path = pending.pop()) {
    for (const [child, bytes] of await listSizes(path)) {
      if (bytes === undefined) pending.push(child)
      else total += bytes
    }
  }
  return total
}

/** The command may be deleting while we look: what has gone away, or may not be read, counts as nothing. */
async function listSizes(path: string): Promise<[path: string, bytes: number | undefined][]> {
  const sizes: [string, number | undefined][] = []
  try {
    if (!(await lstat(path)).isDirectory()) return sizes
    for await (const entry of await opendir(path)) {
      const child = join(path, entry.name)
      const stat = await lstat(child).catch(() => undefined)
      if (stat) sizes.push([child, stat.isDirectory() ? undefined : stat.size])
    }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error
  }
  return sizes
}
