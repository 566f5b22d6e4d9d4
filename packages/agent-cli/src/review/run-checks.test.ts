import { mkdtempSync, rmSync } from 'node:fs'
import { symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { JSON_BYTES_MAX } from './json-checks.ts'
import { checkJson } from './json-worker.ts'
import type { ResultFile, Validators } from './report.ts'
import { parseRules } from './rule-set.ts'
import { runChecks } from './run-checks.ts'
import type { TestSuite } from './test-suite.ts'

const parent = mkdtempSync(join(tmpdir(), 'run-checks-test-'))
afterAll(() => rmSync(parent, { recursive: true }))

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(parent, 'result-'))
})

async function put(name: string, content: string | Buffer): Promise<ResultFile> {
  const path = join(directory, name)
  await writeFile(path, content)
  return { name, path }
}

async function check(validators: Validators, content: string | Buffer, options: { signal?: AbortSignal } = {}) {
  return runChecks({ validators, files: [await put('result.json', content)], ...options })
}

function suite(script: string, timeoutMs = 60_000): TestSuite {
  return {
    files: [{ name: 'run', contentBase64: Buffer.from(`#!/bin/sh\n${script}\n`).toString('base64') }],
    command: ['./run'],
    timeoutMs,
  }
}

/** Each definition asks for the next one twice: 2^n steps, or with `anyOf` and a `false` at the end, 2^n error objects. */
function bomb(n: number, keyword: 'allOf' | 'anyOf', last: boolean): unknown {
  const $defs: Record<string, unknown> = { [`d${n}`]: last }
  for (let i = 0; i < n; i++) $defs[`d${i}`] = { [keyword]: [{ $ref: `#/$defs/d${i + 1}` }, { $ref: `#/$defs/d${i + 1}` }] }
  return { $defs, $ref: '#/$defs/d0' }
}

const schema = { type: 'object', required: ['emails'] }
const rules = parseRules({
  version: 1,
  threshold: 0.5,
  rules: [
    { id: 'some', pointer: '/emails', op: 'non_empty' },
    { id: 'total', pointer: '/total', op: 'gte', value: 2 },
  ],
})

describe('runChecks', () => {
  test('passes a result by schema, rules and tests together', async () => {
    const report = await check({ schema, rules, tests: suite('grep -q a@b "$1/result.json"') }, '{"emails":["a@b"],"total":1}')
    expect(report).toEqual({
      outcome: 'passed',
      scoreBps: 7_500,
      checks: [
        { name: 'schema', kind: 'schema', passed: true, weight: 1 },
        { name: 'some', kind: 'rule', passed: true, weight: 1 },
        { name: 'total', kind: 'rule', passed: false, weight: 1, reason: '/total is not gte 2' },
        { name: 'tests', kind: 'test', passed: true, weight: 1 },
      ],
    })
    expect(await check({ schema, rules, tests: suite('grep -q a@b "$1/result.json"') }, '{"emails":["a@b"],"total":1}')).toEqual(
      report,
    )
  })

  test('fails one that breaks the schema or falls below the threshold', async () => {
    expect(await check({ schema }, '{}')).toMatchObject({
      outcome: 'failed',
      scoreBps: 0,
      checks: [{ name: 'schema', passed: false }],
    })
    expect(await check({ rules }, '{}')).toMatchObject({ outcome: 'failed', scoreBps: 0 })
  })

  test('a brief without validators is inconclusive', async () => {
    expect(await check({}, '{}')).toEqual({
      outcome: 'inconclusive',
      scoreBps: 0,
      checks: [],
      reason: 'the brief has no validators',
    })
  })

  test.each([
    ['schema', { schema: { $ref: 'https://example.com/x' } }],
    ['rules', { rules: { version: 1, rules: [{ pointer: 'x', op: 'eval' }] } }],
    ['rules of null', { rules: null }],
    ['tests', { tests: { files: [], command: ['x'] } }],
  ])('a broken brief (%s) is inconclusive, never failed', async (_kind, validators) => {
    expect(await check(validators as unknown as Validators, 'not even JSON')).toMatchObject({
      outcome: 'inconclusive',
      scoreBps: 0,
      reason: expect.stringContaining('the brief cannot be used'),
    })
  })

  test('a result that is not there is content_unavailable', async () => {
    const unavailable = { outcome: 'content_unavailable', scoreBps: 0, checks: [] }
    expect(await runChecks({ validators: { schema }, files: [] })).toMatchObject(unavailable)
    expect(await runChecks({ validators: { schema }, files: [{ name: 'r', path: join(directory, 'gone') }] })).toMatchObject(
      unavailable,
    )
    await symlink('/etc/passwd', join(directory, 'link'))
    expect(await runChecks({ validators: { schema }, files: [{ name: 'r', path: join(directory, 'link') }] })).toMatchObject(
      unavailable,
    )
  })

  test.each([
    ['text', 'hello'],
    ['nothing', ''],
    ['truncated JSON', '{"emails":['],
    ['trailing bytes', '{} {}'],
    ['bytes that are no UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['deep nesting', '['.repeat(300) + ']'.repeat(300)],
    ['very deep nesting', '['.repeat(1_000_000) + ']'.repeat(1_000_000)],
    ['a million and one values', `[${'0,'.repeat(1_000_000)}0]`],
    ['millions of lists', `[${'[],'.repeat(5_000_000)}[]]`],
    ['too many bytes', Buffer.alloc(JSON_BYTES_MAX + 1, 0x20)],
  ])('%s is invalid_format', async (_what, content) => {
    expect(await check({ schema: {}, rules }, content)).toMatchObject({ outcome: 'invalid_format', scoreBps: 0, checks: [] })
  })

  test('of several files every JSON file must hold, and there must be one', async () => {
    const [good, bad, text] = [await put('a.json', '{"emails":[]}'), await put('B.JSON', '{}'), await put('notes.txt', 'hi')]
    expect(await runChecks({ validators: { schema }, files: [good, text] })).toMatchObject({
      outcome: 'passed',
      scoreBps: 10_000,
    })
    expect(await runChecks({ validators: { schema }, files: [good, bad, text] })).toMatchObject({
      outcome: 'failed',
      checks: [
        { name: 'schema (a.json)', passed: true },
        { name: 'schema (B.JSON)', passed: false },
      ],
    })
    expect(await runChecks({ validators: { schema }, files: [text, await put('more.txt', '{"emails":[]}')] })).toMatchObject({
      outcome: 'invalid_format',
    })
  })

  test('a failed schema stays failed when the tests then hang', async () => {
    expect(await check({ schema, tests: suite('sleep 60', 300) }, '{}')).toMatchObject({
      outcome: 'failed',
      checks: [{ name: 'schema', passed: false }],
      reason: expect.stringContaining('stopped'),
    })
    expect(await check({ schema, tests: suite('sleep 60', 300) }, '{"emails":[]}')).toMatchObject({
      outcome: 'inconclusive',
      scoreBps: 0,
    })
  })

  test('an abort is inconclusive, at once', async () => {
    const startedMs = performance.now()
    const signal = AbortSignal.timeout(300)
    expect(await check({ schema: bomb(60, 'allOf', true), tests: suite('sleep 30') }, '{}', { signal })).toMatchObject({
      outcome: 'inconclusive',
    })
    expect(performance.now() - startedMs).toBeLessThan(5_000)
  })
})

describe('checkJson', () => {
  test('a schema that takes exponential time ends in time, and the loop stays free meanwhile', async () => {
    const files = [await put('r', '{}')]
    let ticks = 0
    const timer = setInterval(() => ticks++, 20)
    const findings = await checkJson({ schema: bomb(60, 'allOf', true), files }, { timeoutMs: 1_500 })
    clearInterval(timer)
    expect(findings).toEqual({
      checks: [],
      trouble: { outcome: 'inconclusive', reason: 'the JSON checks took longer than 1500 ms' },
    })
    expect(ticks).toBeGreaterThan(20)
  })

  test('a schema that takes exponential memory is stopped alone', async () => {
    const before = process.memoryUsage.rss()
    let peak = before
    const timer = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage.rss())
    }, 50)
    const findings = await checkJson({ schema: bomb(60, 'anyOf', false), files: [await put('r', '{}')] }, { timeoutMs: 100_000 })
    clearInterval(timer)
    expect(findings.trouble).toMatchObject({
      outcome: 'inconclusive',
      reason: expect.stringContaining('ERR_WORKER_OUT_OF_MEMORY'),
    })
    expect(peak - before).toBeLessThan(1.2e9)
  })
})
