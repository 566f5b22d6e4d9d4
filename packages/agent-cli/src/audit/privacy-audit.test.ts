import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { startMarket, type TestMarket } from '../test-market.ts'
import { findJoins } from './join-planes.ts'
import { auditPrivacy } from './privacy-audit.ts'
import { readRequests } from './read-requests.ts'

let market: TestMarket
beforeAll(async () => {
  market = await startMarket()
})
afterAll(() => market[Symbol.asyncDispose]())

const options = () => ({ profile: { name: 'unused', directory: '/nonexistent' }, server: market.origin, timeoutMs: 20_000 })

test('a marked job leaves nothing on either plane: not sent, not stored, and nothing that joins the two', {
  timeout: 120_000,
}, async () => {
  const record = join(mkdtempSync(join(tmpdir(), 'record-')), 'sent')
  onTestFinished(() => rmSync(join(record, '..'), { recursive: true }))
  const report = await auditPrivacy(options(), { data: [market.dataDirectory], record })

  expect(report.findings).toEqual([])
  expect(report.checks.map(({ name, ok }) => [name, ok])).toEqual(
    ['search', 'sent', 'joined', 'elsewhere', 'stored'].map((name) => [name, true]),
  )
  expect(report.ok).toBe(true)
  const called = report.platform.told.map(({ call }) => call)
  expect(called).toEqual(expect.arrayContaining(['tasks.assign', 'tasks.completeAssignment', 'review.submitVerdict']))
  expect(report.relay.told.map(({ call }) => call)).toEqual(
    expect.arrayContaining(['PUT /relay/v1/slots/…', 'POST /relay/v1/slots/read', 'POST /relay/v1/slots/delete']),
  )
  expect(report.relay.told.flatMap(({ fields }) => fields)).not.toContain('authorization')
  expect(readFileSync(join(record, 'platform.http'), 'latin1')).toContain('POST /trpc/tasks.createTask')
  expect(statSync(join(record, 'relay.http')).mode & 0o777).toBe(0o600)
})

test('an audit says why it cannot be made, and leaves no agent behind', { timeout: 60_000 }, async () => {
  await using closed = await startMarket(['--registration', 'approval'])
  await expect(auditPrivacy({ ...options(), server: closed.origin })).rejects.toMatchObject({ code: 'wrong_state', exit: 5 })
  await expect(auditPrivacy({ ...options(), relayProxy: 'socks5://127.0.0.1:1' })).rejects.toMatchObject({ code: 'usage' })
})

test('requests are read out of the bytes of a connection, as many as it carried', () => {
  const sent = ['POST /a HTTP/1.1\r\nA: b\r\ncontent-le', 'ngth: 3\r\n\r\nxyzGET /b?c=d HTTP/1.1\r\n\r\nPUT'].map((part) =>
    Buffer.from(part),
  )
  expect(readRequests(sent).map(({ method, path, body }) => [method, path, body.toString()])).toEqual([
    ['POST', '/a', 'xyz'],
    ['GET', '/b?c=d', ''],
  ])
})

test('a value is found on the other plane as text, in a field, and as the bytes it stands for', () => {
  const cap = Buffer.alloc(32, 7)
  const relay = readRequests([
    Buffer.from(`POST /relay/v1/slots/read HTTP/1.1\r\nrelay-read-cap: ${cap.toString('base64url')}\r\n\r\n`),
  ])
  const call = (input: unknown) => {
    const body = JSON.stringify(input)
    return readRequests([Buffer.from(`POST /trpc/a.b HTTP/1.1\r\ncontent-length: ${body.length}\r\n\r\n${body}`)])
  }
  expect(findJoins(relay, call({ deep: [{ field: cap.toString('base64url') }] }))).not.toEqual([])
  expect(findJoins(relay, call({ field: cap.toString('hex') }))).not.toEqual([])
  expect(findJoins(relay, call({ field: Buffer.alloc(32, 8).toString('hex') }))).toEqual([])
  expect(findJoins(call({ field: 'asg_01abc' }), readRequests([Buffer.from('GET /x?y=asg_01abc HTTP/1.1\r\n\r\n')]))).not.toEqual(
    [],
  )
})
