import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeTestHome } from '../test-home.ts'
import { readSecret, readText } from './argument.ts'

test('a text is itself or the file it names', () => {
  using home = makeTestHome()
  const path = join(home.path, 'order.txt')
  writeFileSync(path, 'Extract every address.\n')

  expect(readText('Extract.')).toBe('Extract.')
  expect(readText(`@${path}`)).toBe('Extract every address.\n')
  expect(() => readText(`@${path}.gone`)).toThrow(expect.objectContaining({ code: 'usage' }))
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
