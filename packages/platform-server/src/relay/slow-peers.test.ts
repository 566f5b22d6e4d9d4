import { connect } from 'node:net'
import { RELAY_PATHS } from '@agent-marketplace/protocol'
import { expect, test } from 'vitest'
import { makeDrop } from './test-drop.ts'
import { startTestRelay, type TestRelay } from './test-relay.ts'

/** Send a beginning, then a byte every 200 ms until the relay hangs up. @returns what it said, and after how many milliseconds it was gone. */
function sendSlowly({ port }: TestRelay, beginning: string): Promise<{ text: string; ms: number }> {
  const startedAt = performance.now()
  const socket = connect(port, '127.0.0.1')
  socket.write(beginning)
  const drip = setInterval(() => socket.write('x'), 200)
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk
  })
  socket.on('error', () => {})
  return new Promise((resolve) => {
    socket.once('close', () => {
      clearInterval(drip)
      resolve({ text, ms: performance.now() - startedAt })
    })
  })
}

test('a peer that sends its headers or its body too slowly is told so and cut', async () => {
  await using relay = await startTestRelay()
  const drop = makeDrop()
  const lines = Object.entries(drop.headers).map(([name, value]) => `${name}: ${value}\r\n`)

  const [headers, body] = await Promise.all([
    sendSlowly(relay, `GET ${RELAY_PATHS.keys} HTTP/1.1\r\nhost: relay\r\nx: `),
    sendSlowly(
      relay,
      `PUT ${RELAY_PATHS.slot}${drop.slotId} HTTP/1.1\r\nhost: relay\r\ncontent-length: 16384\r\n${lines.join('')}\r\n`,
    ),
  ])

  for (const { text, ms } of [headers, body]) {
    expect(text).toContain('{"code":"request_timeout"}')
    expect(ms).toBeGreaterThan(9_000)
    expect(ms).toBeLessThan(20_000)
  }
  expect(relay.faults).toEqual([])
})
