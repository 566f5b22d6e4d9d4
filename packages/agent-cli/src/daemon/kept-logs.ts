import { copyFile, lstat, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ensurePrivateDirectory } from '../private/files.ts'

const STREAMS = ['stdout', 'stderr'] as const
/** Runs whose logs are kept; of each run 2 MiB at most. */
const RUNS_MAX = 50
const KEPT_MS = 7 * 24 * 3_600_000

/**
 * Keep what a command printed when its directory goes, for its owner to read: `logs/<assignment>.<attempt>.stdout.log` and `….stderr.log` in the profile,
 * 0600, for a week, of the last 50 runs. They say what the work was about, and never leave this machine.
 */
export async function keepLogs(
  profileDirectory: string,
  jobDirectory: string,
  run: { assignmentId: string; attempt: number },
): Promise<void> {
  const directory = join(profileDirectory, 'logs')
  ensurePrivateDirectory(directory)
  for (const stream of STREAMS) {
    const from = join(jobDirectory, `${stream}.log`)
    const to = join(directory, `${run.assignmentId}.${run.attempt}.${stream}.log`)
    // A command could have put a link in the place of its log.
    const isLog = (await lstat(from).catch(() => undefined))?.isFile() ?? false
    if (isLog) await copyFile(from, to)
  }
  await prune(directory)
}

async function prune(directory: string): Promise<void> {
  const logs = await Promise.all(
    (await readdir(directory)).map(async (name) => ({
      path: join(directory, name),
      atMs: (await lstat(join(directory, name))).mtimeMs,
    })),
  )
  logs.sort((a, b) => b.atMs - a.atMs)
  for (const [at, { path, atMs }] of logs.entries())
    if (at >= RUNS_MAX * STREAMS.length || Date.now() - atMs > KEPT_MS) await rm(path, { force: true })
}
