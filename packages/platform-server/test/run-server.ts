import { execFile } from 'node:child_process'
import { join } from 'node:path'

const MAIN = join(import.meta.dirname, '../src/main.ts')

/** A start takes a second or two; beside the work of others it was once more than twenty. */
const TIMEOUT_MS = 60_000

/** Run one command line of the server to its end. @param env - Variables besides those of this process. */
export function runServer(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ exitCode: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ['--conditions=source', MAIN, ...args],
      // One that goes on serving was not refused.
      { env: { ...process.env, ...env }, timeout: TIMEOUT_MS, killSignal: 'SIGKILL' },
      (_, stdout, stderr) => resolve({ exitCode: child.exitCode, stdout, stderr }),
    )
  })
}
