import { expect, test } from 'vitest'
import { resolveCommand } from './resolve-command.ts'

test.each([
  ['./work.sh', '/home/me/work.sh'],
  ['./work.sh --fast "a b"', '/home/me/work.sh --fast "a b"'],
  ['../tools/work', '/home/tools/work'],
  ['node ./work.mjs', 'node ./work.mjs'],
  ['work', 'work'],
  ['/usr/bin/env work', '/usr/bin/env work'],
  ['. ./env; work', '. ./env; work'],
  ['./$WORK', './$WORK'],
])('%s means %s', (command, resolved) => {
  expect(resolveCommand(command, '/home/me')).toBe(resolved)
})

test('a directory with spaces and quotes stays one word', () => {
  expect(resolveCommand('./work.sh x', "/home/it's me")).toBe(`'/home/it'\\''s me/work.sh' x`)
})
