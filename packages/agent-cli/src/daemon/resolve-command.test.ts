import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeTestHome } from '../test-home.ts'
import { resolveCommand } from './resolve-command.ts'

let place: ReturnType<typeof makeTestHome>
let here: string
beforeAll(() => {
  place = makeTestHome()
  here = join(place.path, 'me')
  for (const directory of ['me', 'tools', "it's me"]) mkdirSync(join(place.path, directory))
  for (const program of ['me/work.sh', 'tools/work', "it's me/work.sh"])
    writeFileSync(join(place.path, program), '#!/bin/sh\n', { mode: 0o700 })
  writeFileSync(join(here, 'notes.txt'), '', { mode: 0o600 })
})
afterAll(() => place[Symbol.dispose]())

test.each([
  ['./work.sh', 'HERE/work.sh'],
  ['./work.sh --fast "a b"', 'HERE/work.sh --fast "a b"'],
  ['../tools/work', 'HERE/../tools/work'],
  ['node ./work.mjs', 'node ./work.mjs'],
  ['work', 'work'],
  ['/usr/bin/env work', '/usr/bin/env work'],
  ['. ./env; work', '. ./env; work'],
  ['./$WORK', './$WORK'],
])('%s means %s', (command, resolved) => {
  expect(resolveCommand(command, here)).toBe(resolved.replace('HERE/..', place.path).replace('HERE', here))
})

test('a directory with spaces and quotes stays one word', () => {
  expect(resolveCommand('./work.sh x', join(place.path, "it's me"))).toBe(`'${place.path}/it'\\''s me/work.sh' x`)
})

test('what is not there or may not be run is told at once, not by every job', () => {
  expect(() => resolveCommand('./wrok.sh', here)).toThrow(`there is no ${here}/wrok.sh`)
  expect(() => resolveCommand('./notes.txt', here)).toThrow(`${here}/notes.txt may not be run`)
})
