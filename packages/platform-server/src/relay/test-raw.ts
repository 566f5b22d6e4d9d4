import { once } from 'node:events'
import { connect } from 'node:net'
import { RELAY_PATHS } from '@agent-marketplace/protocol'
import type { TestDrop } from './test-drop.ts'
import type { TestRelay } from './test-relay.ts'

const PATIENCE_MS = 20_000
/** A refusal from its head to its end. */
const REFUSAL = /\r\n\r\n\{"code":"[a-z_]+"\}$/

/** Send bytes as they are on a connection of its own. @returns everything that came back until the relay refused them, hung up, or `ms` passed. */
export async function sendRaw(
  { port }: TestRelay,
  text: string | Uint8Array,
  ms = PATIENCE_MS,
): Promise<{ status: number; body: Buffer; text: string }> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  let answer = ''
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms)
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      answer += chunk
      if (REFUSAL.test(answer)) socket.destroy()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      clearTimeout(timer)
      resolve()
    })
    socket.write(text)
  })
  socket.destroy()
  const [head = '', body = ''] = answer.split('\r\n\r\n')
  return { status: Number(head.split(' ')[1]), body: Buffer.from(body), text: answer }
}

/** The head of an upload that announces this many bytes. */
export function headOf(drop: TestDrop, bytes: number): string {
  const headers = Object.entries(drop.headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `PUT ${RELAY_PATHS.slot}${drop.slotId} HTTP/1.1\r\nhost: relay\r\ncontent-length: ${bytes}\r\n${headers.join('')}\r\n`
}
