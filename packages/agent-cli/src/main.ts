import type { Interfaces } from '@oclif/core'
import { run } from '@oclif/core/run'
import { CliError } from './agent/cli-error.ts'
import { interruption, watchInterruption, watchOutput } from './interruption.ts'
import { reportError } from './output/report-error.ts'
import { wantsJson } from './output/wants-json.ts'

/** Nobody's plugins: what oclif would load from the user's data directory could do all that this program can. */
const OPTIONS = { root: import.meta.filename, userPlugins: false, devPlugins: false }

/** Run one command line; sets the exit code of the process. */
export async function main(argv: string[], options: Interfaces.Options = OPTIONS): Promise<void> {
  watchInterruption()
  watchOutput()
  try {
    await run(argv, options)
  } catch (error) {
    // What fails because of SIGINT is an interruption; one that knows the key of what it interrupted says it itself.
    const isInterrupted = interruption.aborted && !(error instanceof CliError)
    process.exitCode = reportError(isInterrupted ? interruption.reason : error, wantsJson(argv))
  }
}
