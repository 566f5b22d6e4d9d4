import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { needDebian } from '../../packages/platform-server/test/debian.ts'

/** @returns the path of strace, which is installed if it is missing. @throws Error with one line that says how, if it cannot be. */
export function needStrace(): string {
  const places = (process.env.PATH ?? '').split(':').map((directory) => join(directory, 'strace'))
  return needDebian('strace', () => places.find((place) => existsSync(place)))
}
