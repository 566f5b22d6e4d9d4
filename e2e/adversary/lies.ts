import type { ServerResponse } from 'node:http'
import { type Lie, pass } from './hostile-relay.ts'

const NOT_FOUND = Buffer.from('{"code":"not_found"}')
const CHUNK = Buffer.alloc(65_536)

/** Answer with another body, of the length it has. */
export function withBody(twist: (body: Buffer, others: readonly Buffer[]) => Buffer): Lie {
  return async (outgoing, { honest, others }) => {
    const answer = await honest()
    pass(outgoing, { ...answer, body: twist(answer.body, others) })
  }
}

/** Put these bytes on the wire in place of an answer, and hang up. */
export function onTheWire(words: (body: Buffer) => (string | Buffer)[]): Lie {
  return async (outgoing, { honest }) => {
    const bytes = words((await honest()).body).map((each) => (typeof each === 'string' ? Buffer.from(each) : each))
    outgoing.socket?.end(Buffer.concat(bytes))
  }
}

/** The head of a 200 that announces so many bytes. */
export function announcing(bytes: number): string {
  return `HTTP/1.1 200 OK\r\ncontent-length: ${bytes}\r\nconnection: close\r\n\r\n`
}

/** Answer with a status and some text. */
export function saying(status: number, text = '', headers: Record<string, string> = {}): Lie {
  return (outgoing) => void outgoing.writeHead(status, headers).end(text)
}

/** The true refusal of something that is there. */
export const gone: Lie = (outgoing) => pass(outgoing, { status: 404, headers: {}, body: NOT_FOUND })

export const flipped: Lie = withBody((body) => body.map((byte, at) => (at === body.length >> 1 ? byte ^ 1 : byte)) as Buffer)

/** Begin, and say nothing more. */
export const hanging: Lie = async (outgoing, { honest }) => {
  const { body } = await honest()
  outgoing.writeHead(200, { 'content-length': body.length }).write(body.subarray(0, body.length >> 1))
}

/** Do what was asked, and hang up without a word. */
export const wordless: Lie = async (outgoing, { honest }) => {
  await honest()
  outgoing.destroy()
}

/** Go on for as long as somebody listens. */
export const endless: Lie = (outgoing) => {
  outgoing.writeHead(200).on('drain', () => pour(outgoing))
  pour(outgoing)
}

function pour(outgoing: ServerResponse): void {
  while (!outgoing.destroyed && outgoing.write(CHUNK));
}
