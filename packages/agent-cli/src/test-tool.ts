import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { unpackDebian } from '../../platform-server/test/debian.ts'

/** Where Debian's packages put programs and their libraries. */
const BINARIES = ['bin', 'usr/bin']

/**
 * Find a program, or fetch it from Debian into a directory of the test: nothing of the machine is changed, and no rights are needed.
 *
 * @param packages - What it is in, with the libraries it needs.
 * @returns its path. @throws Error if it is neither here nor to be had: a proof that cannot be run is not passed over.
 */
export function findTool(name: string, { packages, directory }: { packages: readonly string[]; directory: string }): string {
  const here = (process.env.PATH ?? '').split(':').map((path) => join(path, name))
  const fetched = BINARIES.map((path) => join(directory, path, name))
  const find = () => [...here, ...fetched].find((path) => existsSync(path))
  if (!find()) unpackDebian(packages, directory)
  const found = find()
  if (found === undefined) throw new Error(`${name} is needed: install ${packages[0]}`)
  return found
}
