import type { Interfaces } from '@oclif/core'
import { run } from '@oclif/core/run'
import { interruption, watchInterruption, watchOutput } from './interruption.ts'
import { reportError } from './output/report-error.ts'
import { wantsJson } from './output/wants-json.ts'

/** Run one command line; sets the exit code of the process. */
export async function main(argv: string[], options: Interfaces.LoadOptions = import.meta.url): Promise<void> {
  watchInterruption()
  watchOutput()
  try {
    await run(argv, options)
  } catch (error) {
    process.exitCode = reportError(interruption.aborted ? interruption.reason : error, wantsJson(argv))
  }
}
