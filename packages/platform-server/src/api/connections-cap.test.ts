import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { connectionsCap } from './connections-cap.ts'

test.each([
  [1_024, 448],
  [200, 36],
  [64, 1],
  [10_000_000, 20_000],
])('of %i files, %i may be connections of one plane', (openFiles, connections) => {
  expect(connectionsCap(openFiles)).toBe(connections)
})

test('the limit of the process is what counts', () => {
  const script = `import(${JSON.stringify(join(import.meta.dirname, 'connections-cap.ts'))}).then((cap) => console.log(cap.connectionsCap()))`
  const output = execFileSync('/bin/sh', ['-c', 'ulimit -n 500; exec "$@"', 'sh', process.execPath, '-e', script], {
    encoding: 'utf8',
  })

  expect(output).toBe('186\n')
})
