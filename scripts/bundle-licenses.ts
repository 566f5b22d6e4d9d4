// The licenses of what a bundle contains: most ask that their text goes wherever the code goes.
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const PACKAGE = /^.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+/

/** @param modules - Paths of the files that were bundled. @returns One text with name, version, license and its wording for every package. */
export function licensesOf(modules: readonly string[]): string {
  const directories = new Set(modules.flatMap((path) => PACKAGE.exec(path) ?? []))
  return [...directories]
    .map(licenseOf)
    .sort()
    .join(`\n${'-'.repeat(80)}\n\n`)
}

function licenseOf(directory: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))
  const wordings = globSync('{LICENSE,LICENCE,license}*', { cwd: directory }).map((file) =>
    readFileSync(join(directory, file), 'utf8'),
  )
  return [`${name} ${version} (${license})`, ...wordings].map((text) => `${text.trim()}\n`).join('\n')
}
