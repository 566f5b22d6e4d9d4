import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { Transform } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'

/** An HTTP proxy that only tunnels, counts what passes each way, and can be slow. */
export interface Tunnel extends AsyncDisposable {
  readonly url: string
  /** Bytes from clients and to them, since the start. */
  readonly passed: { up: number; down: number }
  /** Names that clients asked to be connected to, as they wrote them. */
  readonly asked: Set<string>
  /** Milliseconds that every chunk waits. */
  delayMs: number
}

/** Every name leads to this machine. */
export async function openTunnel(): Promise<Tunnel> {
  const passed = { up: 0, down: 0 }
  const asked = new Set<string>()
  const sockets = new Set<Socket>()
  const server = createServer((_, res) => res.writeHead(405).end())
  const counting = (way: 'up' | 'down') =>
    new Transform({
      async transform(chunk: Buffer, _, done) {
        if (tunnel.delayMs > 0) await sleep(tunnel.delayMs)
        passed[way] += chunk.length
        done(null, chunk)
      },
    })

  server.on('connect', (req, client: Socket, head) => {
    asked.add(req.url ?? '')
    const target = connect(Number(req.url?.split(':')[1]), '127.0.0.1')
    for (const socket of [client, target]) sockets.add(socket.on('error', () => {}))
    target.once('connect', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n')
      if (head.length > 0) client.unshift(head)
      // Not `pipeline`: once the target has ended it cuts the client off, and what is still on its way there.
      client.pipe(counting('up')).pipe(target)
      target.pipe(counting('down')).pipe(client)
      client.once('close', () => target.destroy())
      target.once('error', () => client.destroy())
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const tunnel: Tunnel = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    passed,
    asked,
    delayMs: 0,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
  return tunnel
}
