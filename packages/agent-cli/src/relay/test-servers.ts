import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, request } from 'node:http'
import { type AddressInfo, connect, createServer as createTcpServer, type Server, type Socket } from 'node:net'

/** A server of a test, on a free port of the loopback. */
export interface TestServer extends AsyncDisposable {
  readonly port: number
  readonly origin: string
}

async function listen(server: Server): Promise<TestServer> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    origin: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

/** Answers as the test says. */
export function startHttp(listener: RequestListener): Promise<TestServer> {
  return listen(createServer(listener))
}

export interface Capture {
  readonly method: string
  readonly path: string
  readonly headers: readonly string[]
  /** Tells connections apart. */
  readonly clientPort: number | undefined
}

/** Passes requests on to a relay and writes down how they looked. */
export async function startCapture(target: string): Promise<TestServer & { captured: Capture[] }> {
  const captured: Capture[] = []
  const server = await startHttp((req, res) => {
    const { method = '', url: path = '', rawHeaders, socket } = req
    captured.push({ method, path, headers: rawHeaders, clientPort: socket.remotePort })
    const forward = request(target + path, { method, headers: req.headers, agent: false }, (answer: IncomingMessage) => {
      res.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(res)
    })
    forward.on('error', () => res.destroy())
    req.pipe(forward)
  })
  return { ...server, captured }
}

/** Passes bytes on to a port, but cuts the first connections after the request's last byte was seen and before any answer. */
export async function startCutter(
  port: number,
  { cuts, requestBytes }: { cuts: number; requestBytes: number },
): Promise<TestServer & { count: () => number }> {
  let count = 0
  const server = await listen(
    createTcpServer((client) => {
      const isCut = count++ < cuts
      const relay = connect(port, '127.0.0.1').on('error', () => client.destroy())
      let seen = 0
      client.on('data', (chunk) => {
        seen += chunk.length
        relay.write(chunk)
      })
      relay.on('data', (chunk) => (isCut && seen >= requestBytes ? client.resetAndDestroy() : client.write(chunk)))
      client.on('close', () => relay.destroy())
      relay.on('close', () => client.end())
    }),
  )
  return { ...server, count: () => count }
}

/** An HTTP proxy that can only tunnel. */
export async function startConnectProxy(): Promise<TestServer & { tunnels: string[] }> {
  const tunnels: string[] = []
  const server = createServer((_, res) => res.writeHead(501).end())
  server.on('connect', (req: IncomingMessage, client: Socket) => {
    tunnels.push(req.url ?? '')
    const target = connect(Number(req.url?.split(':')[1]), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n')
      target.pipe(client).pipe(target)
    })
    target.on('error', () => client.destroy())
    client.on('error', () => target.destroy())
  })
  return { ...(await listen(server)), tunnels }
}

/** A SOCKS5 proxy without authentication (RFC 1928), for IPv4 addresses and names. */
export async function startSocksProxy(): Promise<TestServer & { tunnels: string[] }> {
  const tunnels: string[] = []
  const server = createTcpServer((client) => {
    client.once('data', () => {
      client.write(Buffer.from([5, 0]))
      client.once('data', (request) => {
        const isName = request[3] === 3
        const end = isName ? 5 + (request[4] ?? 0) : 8
        const host = isName ? request.subarray(5, end).toString() : request.subarray(4, end).join('.')
        const port = request.readUInt16BE(end)
        tunnels.push(`${host}:${port}`)
        const target = connect(port, '127.0.0.1', () => {
          client.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]))
          target.pipe(client).pipe(target)
        })
        target.on('error', () => client.destroy())
        client.on('error', () => target.destroy())
      })
    })
  })
  return { ...(await listen(server)), tunnels }
}
