import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'

/** What was written to one connection before any encryption of the transport, in order. */
export interface RecordedConnection {
  /** Address and port it went to; `nowhere` if it never came to be. */
  readonly target: string
  readonly sent: readonly Buffer[]
}

export interface Recording {
  readonly connections: readonly RecordedConnection[]
  stop(): void
}

type Write = (chunk: Buffer | string, encoding: BufferEncoding, done: (error?: Error | null) => void) => void
type WriteMany = (chunks: { chunk: Buffer | string; encoding: BufferEncoding }[], done: (error?: Error | null) => void) => void
type Tapped = Socket & { _write: Write; _writev?: WriteMany }

const CHANNEL = 'net.client.socket'

/**
 * Record every byte this process writes to any TCP connection it opens from now on, of TLS what goes in and not what comes out of it.
 * Whatever library opens them: each one passes through node:net or node:tls.
 */
export function recordConnections(): Recording {
  const connections: RecordedConnection[] = []
  const tls = process.getBuiltinModule('node:tls')
  const connectTls = tls.connect

  const tap = (socket: Tapped) => {
    const sent: Buffer[] = []
    const connection = { target: 'nowhere', sent }
    connections.push(connection)
    socket.once('connect', () => {
      connection.target = `${socket.remoteAddress}:${socket.remotePort}`
    })
    const { _write: write, _writev: writeMany } = socket
    socket._write = function (chunk, encoding, done) {
      sent.push(bytesOf(chunk, encoding))
      write.call(this, chunk, encoding, done)
    }
    if (writeMany)
      socket._writev = function (chunks, done) {
        for (const { chunk, encoding } of chunks) sent.push(bytesOf(chunk, encoding))
        writeMany.call(this, chunks, done)
      }
  }

  const onSocket = (message: unknown) => tap((message as { socket: Tapped }).socket)
  subscribe(CHANNEL, onSocket)
  tls.connect = ((...args: Parameters<typeof connectTls>) => {
    const socket = connectTls(...args)
    tap(socket as unknown as Tapped)
    return socket
  }) as typeof tls.connect

  return {
    connections,
    stop() {
      unsubscribe(CHANNEL, onSocket)
      tls.connect = connectTls
    },
  }
}

function bytesOf(chunk: Buffer | string, encoding: BufferEncoding): Buffer {
  return typeof chunk === 'string' ? Buffer.from(chunk, encoding) : Buffer.from(chunk)
}
