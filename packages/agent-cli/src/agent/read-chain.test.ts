import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeTestHome } from '../test-home.ts'
import { checkChain } from './check-chain.ts'
import { readChain, readSoundChain } from './read-chain.ts'

let place: ReturnType<typeof makeTestHome>
let file: string
beforeEach(() => {
  place = makeTestHome()
  file = join(place.path, 'chain.yaml')
})
afterEach(() => place[Symbol.dispose]())

const write = (name: string, content: string | Uint8Array) => writeFileSync(join(place.path, name), content)
const step = (fields: string) => `version: 1\nsteps:\n  - {id: a, agent: bob, ${fields}}\n`

test('what a chain file names is read beside it: instructions, schema, rules; inputs by their absolute paths', async () => {
  write('do.md', 'Do it.')
  write('mail.txt', 'x')
  write('schema.json', '{"type":"object"}')
  write('rules.json', '{"version":1,"threshold":1,"rules":[{"pointer":"","op":"eq","value":1,"weight":1}]}')
  write('chain.yaml', step('instructions: "@do.md", input: [./mail.txt], validate: {schema: schema.json, rules: rules.json}'))
  const [read] = await readSoundChain(file)
  expect(read).toMatchObject({
    instructions: 'Do it.',
    input: [{ file: join(place.path, 'mail.txt') }],
    replacements: 0,
    attempts: 1,
  })
  expect(read?.validators).toMatchObject({ schema: { type: 'object' }, rules: { threshold: 1 } })
  expect(await checkChain(file)).toMatchObject({ ok: true, steps: 1, leastCost: '0', lines: [] })
})

test.each([
  ['instructions that are not there', 'instructions: "@gone.md"', 'there is no file gone.md'],
  ['an input that is not there', 'instructions: x, input: [gone.txt]', 'there is no file gone.txt'],
  ['an input that is a directory', 'instructions: x, input: [folder]', 'folder is not a plain file'],
  ['an input below a file', 'instructions: x, input: [chain.yaml/x]', 'cannot read chain.yaml/x: ENOTDIR'],
  ['a schema that is not there', 'instructions: x, validate: {schema: gone.json}', 'there is no file gone.json'],
  ['a schema that is no JSON', 'instructions: x, validate: {schema: chain.yaml}', 'the schema is not JSON'],
  ['rules that are none', 'instructions: x, validate: {rules: bad.json}', 'rules'],
  [
    'tests without a file to run',
    'instructions: x, validate: {tests: folder}',
    'tests: there is no file "run" in the test directory',
  ],
])('%s are told with their place', async (_, fields, message) => {
  mkdirSync(join(place.path, 'folder'))
  write('bad.json', '{"version":1}')
  write('chain.yaml', step(fields))
  const read = await readChain(file)
  expect('faults' in read && read.faults).toEqual([
    { line: 3, column: expect.any(Number), message: expect.stringContaining(message) },
  ])
  await expect(readSoundChain(file)).rejects.toMatchObject({
    code: 'usage',
    message: expect.stringMatching(/^chain\.yaml:3:\d+: /),
  })
})

test('faults of several steps are told together, in the order of the file', async () => {
  write(
    'chain.yaml',
    'version: 1\nsteps:\n  - id: a\n    agent: bob\n    input: [one.txt]\n    instructions: "@two.md"\n  - {id: b, agent: bob, instructions: "@three.md"}\n',
  )
  const { lines } = await checkChain(file)
  expect(lines).toEqual([
    `${file}:5:13: there is no file one.txt`,
    `${file}:6:19: there is no file two.md`,
    `${file}:7:39: there is no file three.md`,
  ])
})
