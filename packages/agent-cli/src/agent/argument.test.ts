import { execFileSync } from 'node:child_process'
import { chmodSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeTestHome } from '../test-home.ts'
import { readSecret, readText } from './argument.ts'
import { FILE_BYTES_MAX } from './read-file.ts'

test('a text is itself or the file it names', () => {
  using home = makeTestHome()
  const path = join(home.path, 'order.txt')
  writeFileSync(path, 'Extract every address.\n')

  expect(readText('Extract.')).toBe('Extract.')
  expect(readText(`@${path}`)).toBe('Extract every address.\n')
  expect(() => readText(`@${path}.gone`)).toThrow(expect.objectContaining({ code: 'usage' }))
})

test('a file that would be waited for, never ends, is too long or is no text is refused', () => {
  using home = makeTestHome()
  const at = (name: string) => join(home.path, name)
  execFileSync('mkfifo', [at('pipe')])
  writeFileSync(at('long'), '')
  truncateSync(at('long'), FILE_BYTES_MAX + 1)
  writeFileSync(at('bytes'), Uint8Array.of(0x68, 0xff))

  for (const path of [at('pipe'), '/dev/zero', home.path, at('long'), at('bytes')])
    expect(() => readText(`@${path}`)).toThrow(expect.objectContaining({ code: 'usage', exit: 2 }))
})

test('a secret comes from a private file, without its line end', () => {
  using home = makeTestHome()
  const path = join(home.path, 'token')
  writeFileSync(path, 'secret-1\n', { mode: 0o600 })

  expect(readSecret(`@${path}`, 'the token')).toBe('secret-1')

  chmodSync(path, 0o644)
  expect(() => readSecret(`@${path}`, 'the token')).toThrow(expect.objectContaining({ code: 'local_state', exit: 7 }))
})

test('a secret on the command line is refused and not repeated', () => {
  expect(() => readSecret('secret-1', 'the token')).toThrow(
    expect.objectContaining({ code: 'usage', message: expect.not.stringContaining('secret-1') }),
  )
})
