import { accessSync, constants } from 'node:fs'
import { resolve } from 'node:path'
import { usage } from '../agent/cli-error.ts'

/**
 * A command line whose program is named relative to `directory`, for use from anywhere: jobs run in directories of their own. Only a first word that
 * begins with `./` or `../` is meant so; everything else is left to the shell.
 *
 * @throws CliError `usage` if that program is not there or may not be run: every job would fail.
 */
export function resolveCommand(command: string, directory: string): string {
  return command.replace(/^(\.{1,2}\/(?:[^\s'"\\$`;&|<>()*?]+))/, (path) => {
    const program = resolve(directory, path)
    refuseUnusable(program)
    return quote(program)
  })
}

function refuseUnusable(program: string): void {
  try {
    accessSync(program, constants.X_OK)
  } catch (error) {
    const isThere = error instanceof Error && 'code' in error && error.code === 'EACCES'
    if (isThere) throw usage(`${program} may not be run`, `chmod +x ${quote(program)}`)
    throw usage(`there is no ${program}`)
  }
}

/** As one word of a shell. */
function quote(path: string): string {
  return /^[\w./@%+,:-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`
}
