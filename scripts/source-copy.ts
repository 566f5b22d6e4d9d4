// A second copy of the sources, to plant faults in.
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, globSync, mkdtempSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'

const root = join(import.meta.dirname, '..')

/**
 * Copy every file that git has or would take, and link the installed packages.
 * The links of the workspace are relative, so in the copy one package finds the copy of the other.
 *
 * @param more - Further patterns to copy, below the root: what git ignores but the copy needs.
 * @returns The new directory; the caller removes it.
 */
export function copySources(more: string[] = []): string {
  const copy = mkdtempSync(join(tmpdir(), 'source-copy-'))
  const known = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  })
  const files = known.split('\0').filter((path) => path !== '' && existsSync(join(root, path)))
  for (const path of [...files, ...globSync(['packages/*/node_modules', ...more], { cwd: root }).sort()])
    cpSync(join(root, path), join(copy, path), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (from) => basename(from) !== '.bin',
    })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  return copy
}
