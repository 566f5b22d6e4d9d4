import { spawnSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parsePlantedFault } from './planted-fault.ts'

const root = join(import.meta.dirname, '..')
const diff = '--- a/x.ts\n+++ b/x.ts\n@@ -1 +1 @@\n-a\n+b\n'

test('the head of a patch names the fault, the test file and the title', () => {
  const head = 'Fault: a is b\nTest: x.test.ts\nTitle: a is not b\nNeeds: build\n\n'
  expect(parsePlantedFault(head + diff)).toEqual({ fault: 'a is b', test: 'x.test.ts', title: 'a is not b', needsBuild: true })
  expect(parsePlantedFault(`Fault: a is b\nTest: x.test.ts\n${diff}`)).toEqual({
    fault: 'a is b',
    test: 'x.test.ts',
    needsBuild: false,
  })
})

test.each([
  ['without a diff', 'Fault: a\nTest: b\n'],
  ['without a test', `Fault: a\n${diff}`],
  ['with a misspelled line', `Fault: a\nTests: b\n${diff}`],
  ['with a line twice', `Fault: a\nFault: b\nTest: c\n${diff}`],
  ['that needs something unknown', `Fault: a\nTest: b\nNeeds: luck\n${diff}`],
])('a patch %s is refused in words', (_case, patch) => {
  expect(parsePlantedFault(patch)).toBeTypeOf('string')
})

const patches = globSync('e2e/planted/*.patch', { cwd: root })

test('there are planted faults', () => {
  expect(patches).not.toHaveLength(0)
})

test.each(patches)('%s can be read', (path) => {
  expect(parsePlantedFault(readFileSync(join(root, path), 'utf8'))).toBeTypeOf('object')
})

test.each(patches)('%s still fits the sources', (path) => {
  // Whatever the settings of whoever runs this.
  const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' }
  const { status, stderr } = spawnSync('git', ['apply', '--check', path], { cwd: root, encoding: 'utf8', env })
  expect({ status, stderr }).toMatchObject({ status: 0 })
})
