import { connect } from 'node:net'

const PATIENCE_MS = 15_000

/** An answer as its bytes had it. */
export interface RawAnswer {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
  /** Everything that came over the connection, in bytes. */
  readonly bytes: number
  readonly text: string
}

/** Send these bytes, part after part, and read until the server hangs up. The connection is not half-closed: hanging up is up to the server. */
export async function sendRaw(port: number, parts: readonly (string | Uint8Array)[], pauseMs = 0): Promise<RawAnswer> {
  const text = await new Promise<string>((resolve, reject) => {
    const chunks: Uint8Array[] = []
    const socket = connect({ port, host: '127.0.0.1' })
    const timer = setTimeout(() => socket.destroy(new Error(`no end of the answer after ${PATIENCE_MS} ms`)), PATIENCE_MS)
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('error', (error) => (chunks.length > 0 ? undefined : reject(error)))
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(Buffer.concat(chunks).toString('latin1'))
    })
    void writeAll(socket, parts, pauseMs)
  })
  return parseAnswer(text)
}

async function writeAll(
  socket: ReturnType<typeof connect>,
  parts: readonly (string | Uint8Array)[],
  pauseMs: number,
): Promise<void> {
  for (const part of parts) {
    if (socket.destroyed) return
    socket.write(part)
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
}

function parseAnswer(text: string): RawAnswer {
  const [head = '', body = ''] = text.split('\r\n\r\n')
  const [first = '', ...lines] = head.split('\r\n')
  const headers = new Map(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  )
  return { status: Number(first.split(' ')[1]), headers, body, bytes: text.length, text }
}
