import { resolve } from 'node:path'

/**
 * A command line whose program is named relative to `directory`, for use from anywhere: jobs run in directories of their own. Only a first word that
 * begins with `./` or `../` is meant so; everything else is left to the shell.
 */
export function resolveCommand(command: string, directory: string): string {
  return command.replace(/^(\.{1,2}\/(?:[^\s'"\\$`;&|<>()*?]+))/, (path) => quote(resolve(directory, path)))
}

/** As one word of a shell. */
function quote(path: string): string {
  return /^[\w./@%+,:-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`
}
