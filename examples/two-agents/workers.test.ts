import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { checkJsonFiles } from '../../packages/agent-cli/src/review/json-checks.ts'

const here = import.meta.dirname
const readJson = (path: string) => JSON.parse(readFileSync(path, 'utf8'))
const schema = readJson(join(here, 'emails.schema.json'))
const rules = readJson(join(here, 'rules.json'))
const job = mkdtempSync(join(tmpdir(), 'two-agents-'))
const result = join(job, 'output', 'emails.json')

function work(program: string, ...inputs: [name: string, text: string][]): void {
  mkdirSync(join(job, 'input'), { recursive: true })
  for (const [name, text] of inputs) writeFileSync(join(job, 'input', name), text)
  execFileSync(process.execPath, [join(here, program)], { cwd: job, stdio: 'pipe' })
}

function failedChecks(): string[] {
  const { checks } = checkJsonFiles({ schema, rules, files: [{ name: 'emails.json', path: result }] })
  return checks.filter((check) => !check.passed).map((check) => check.name)
}

afterEach(() => rmSync(job, { recursive: true, force: true }))

test('the worker finds all 300 addresses of mail.txt and its result passes schema and rules', () => {
  mkdirSync(join(job, 'input'), { recursive: true })
  cpSync(join(here, 'mail.txt'), join(job, 'input', 'mail.txt'))
  work('extract-emails.mjs')

  const { total, addresses } = readJson(result)
  expect(total).toBe(300)
  expect(addresses).toHaveLength(300)
  expect(failedChecks()).toEqual([])
})

test('the worker folds case, counts, and is not misled by message ids, prices and handles', () => {
  const mbox = [
    'From ann@example.com Tue Sep  3 11:32:12 2024',
    'References: <1@mail.example.com>',
    ' <2@mail.example.com>',
    'To: "O, Bo" <Bo.O@Example.org>',
    '',
    'References: see mailto:ann@example.com, or BO.O@example.ORG. Price: 12 @ 3.50, handle @ann, host root@10.0.0.1',
  ]
  work('extract-emails.mjs', ['a.txt', mbox.join('\r\n')], ['b.txt', "'cy+x@example.net'"])

  expect(readJson(result).addresses).toEqual([
    { address: 'ann@example.com', count: 2, firstLine: 1 },
    { address: 'bo.o@example.org', count: 2, firstLine: 4 },
    { address: 'cy+x@example.net', count: 1, firstLine: 1 },
  ])
  expect(failedChecks()).toEqual([])
})

test('without any input the worker fails instead of delivering nothing', () => {
  mkdirSync(join(job, 'input'), { recursive: true })
  expect(() => work('extract-emails.mjs')).toThrow('there is no file under input/')
})

test.each(['', 'Write to Ann Lee\nann@example.com\n'])('the careless worker does not pass, whatever the input (%j)', (text) => {
  work('bad-extract.mjs', ['mail.txt', text])
  expect(failedChecks()).toEqual(expect.arrayContaining(['schema', 'no-entry-twice', 'is-lower-case']))
})
