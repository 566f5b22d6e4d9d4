import { realpathSync } from 'node:fs'
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { usage } from '../agent/cli-error.ts'

/**
 * Refuse what a model must not be talked into: handing over the keys and the mail of this machine's agents, or putting files among them.
 *
 * @param paths - Where files are read or written, as the model named them.
 * @param home - The directory of all profiles.
 * @throws CliError `usage` for a path that is not absolute (the client chose where this program runs, the model cannot know) or leads into the home.
 */
export function refuseOwnState(paths: readonly string[], home: string): void {
  const own = realPath(home)
  for (const path of paths) {
    if (!isAbsolute(path)) throw usage(`${path} is not an absolute path`, 'name files and directories from the root on: /…')
    const inside = relative(own, realPath(path))
    if (inside === '' || (inside !== '..' && !inside.startsWith(`..${sep}`) && !isAbsolute(inside)))
      throw usage(`${path} is inside the directory that holds the keys and messages of this machine’s agents`)
  }
}

/** Where a path leads, links followed, also when its last parts do not exist yet. */
function realPath(path: string): string {
  const whole = resolve(path)
  try {
    return realpathSync(whole)
  } catch {
    const parent = dirname(whole)
    return parent === whole ? whole : join(realPath(parent), whole.slice(parent.length))
  }
}
