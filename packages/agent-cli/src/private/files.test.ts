import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { makeTestHome } from '../test-home.ts'
import { ensurePrivateDirectory, ensurePrivateFile, readPrivateFile, writePrivateFile } from './files.ts'

const modeOf = (path: string) => statSync(path).mode & 0o777
const localState = (message: RegExp) =>
  expect.objectContaining({ code: 'local_state', exit: 7, message: expect.stringMatching(message) })

const umask = process.umask()
afterEach(() => {
  process.umask(umask)
})

test.each([0o000, 0o077, 0o777])('files are 0600 and directories 0700 under umask %o', (mask) => {
  using home = makeTestHome()
  process.umask(mask)
  const directory = join(home.path, 'with space 🗝', 'b')
  ensurePrivateDirectory(directory)
  writePrivateFile(join(directory, 'key'), 'one')
  writePrivateFile(join(directory, 'key'), 'two')
  ensurePrivateFile(join(directory, 'vault'))
  ensurePrivateFile(join(directory, 'vault'))

  expect(modeOf(directory)).toBe(0o700)
  expect(modeOf(join(directory, '..'))).toBe(0o700)
  expect(modeOf(join(directory, 'key'))).toBe(0o600)
  expect(modeOf(join(directory, 'vault'))).toBe(0o600)
  expect(readFileSync(join(directory, 'key'), 'utf8')).toBe('two')
  expect(readdirSync(directory).sort()).toEqual(['key', 'vault'])
})

test('what others can read or write is refused with its mode and the remedy', () => {
  using home = makeTestHome()
  const path = join(home.path, 'key')
  writeFileSync(path, 'secret', { mode: 0o600 })
  chmodSync(path, 0o640)

  expect(() => readPrivateFile(path)).toThrow(localState(/open to other users \(mode 0640\)/))
  expect(() => ensurePrivateFile(path)).toThrow(localState(/open to other users/))
  chmodSync(home.path, 0o755)
  expect(() => ensurePrivateDirectory(home.path)).toThrow(localState(/open to other users/))
  chmodSync(home.path, 0o700)
})

test("another user's file is refused", () => {
  using home = makeTestHome()
  const own = join(home.path, 'key')
  writeFileSync(own, 'secret', { mode: 0o600 })
  // Only root can give a file away; everybody else has one of root's at hand.
  const isRoot = process.getuid?.() === 0
  if (isRoot) chownSync(own, 12_345, 12_345)

  expect(() => readPrivateFile(isRoot ? own : '/etc/passwd')).toThrow(localState(/belongs to another user/))
})

test('a link, a pipe and a directory are no private files, and none of them is waited for', () => {
  using home = makeTestHome()
  const [link, pipe, directory] = ['link', 'pipe', 'directory'].map((name) => join(home.path, name)) as [string, string, string]
  symlinkSync('/etc/passwd', link)
  execFileSync('mkfifo', ['-m', '600', pipe])
  mkdirSync(directory, { mode: 0o700 })

  expect(() => readPrivateFile(link)).toThrow(localState(/symbolic link/))
  expect(() => readPrivateFile(pipe)).toThrow(localState(/not a plain file/))
  expect(() => readPrivateFile(directory)).toThrow(localState(/not a plain file/))
})

test('a missing file is undefined, and one that cannot be written says why', () => {
  using home = makeTestHome()
  expect(readPrivateFile(join(home.path, 'none'))).toBeUndefined()
  expect(() => writePrivateFile(join(home.path, 'none', 'key'), 'x')).toThrow(localState(/it is not there/))
  writeFileSync(join(home.path, 'file'), '')
  expect(() => ensurePrivateDirectory(join(home.path, 'file', 'below'))).toThrow(localState(/not a directory/))
  expect(() => writePrivateFile('/proc/version', 'x')).toThrow(localState(/./))
})
