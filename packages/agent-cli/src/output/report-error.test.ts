import { CLIError } from '@oclif/core/errors'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { CliError } from '../agent/cli-error.ts'
import { reportError } from './report-error.ts'

let out = ''
let err = ''
beforeEach(() => {
  out = ''
  err = ''
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    out += String(chunk)
    return true
  })
  vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => {
    err += String(chunk)
    return true
  })
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
})

test('a refusal is one JSON document with what there is to know, or lines on stderr', () => {
  const error = new CliError('rate_limited', 'too fast', {
    hint: 'wait',
    requestId: 'req-1',
    retryAfterMs: 50,
    idempotencyKey: 'k',
  })

  expect(reportError(error, true)).toBe(6)
  expect(JSON.parse(out)).toEqual({
    error: { code: 'rate_limited', message: 'too fast', hint: 'wait', requestId: 'req-1', retryAfterMs: 50, idempotencyKey: 'k' },
  })
  expect(err).toBe('')

  out = ''
  expect(reportError(error, false)).toBe(6)
  expect(out).toBe('')
  expect(err).toMatch(/^Error: too fast \(rate_limited\)\nHint: wait\nRequest: req-1\n.*its key is k\n$/)
})

test('a wrong command line is usage, exit 2, on one line', () => {
  expect(reportError(new CLIError('Parsing --timeout \n\tExpected an integer\nSee more help with --help'), true)).toBe(2)
  expect(JSON.parse(out)).toEqual({ error: { code: 'usage', message: '--timeout: Expected an integer' } })

  out = ''
  expect(reportError(new CLIError('The following error occurred:\n  All of a must be provided'), true)).toBe(2)
  expect(JSON.parse(out)).toEqual({ error: { code: 'usage', message: 'All of a must be provided' } })

  out = ''
  expect(reportError(new CLIError('command task:crate not found'), true)).toBe(2)
  expect(JSON.parse(out)).toEqual({
    error: { code: 'usage', message: 'there is no command "task crate"', hint: expect.stringContaining('follow a flag') },
  })
})

test('a bug says nothing of its insides unless DEBUG is set', () => {
  const error = new TypeError('secret-1 of undefined')
  expect(reportError(error, true)).toBe(1)
  expect(out + err).not.toMatch(/secret-1|report-error\.test/)

  vi.stubEnv('DEBUG', '1')
  expect(reportError(error, false)).toBe(1)
  expect(err).toMatch(/report-error\.test/)
})
