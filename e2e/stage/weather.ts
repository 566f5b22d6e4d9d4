import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** A way to a server that can be cut, and that knows when which procedures were asked for. */
export class Weather implements AsyncDisposable {
  /** Every request that came through, with its time, ms. */
  readonly requests: { readonly path: string; readonly atMs: number }[] = []
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #isDown = false
  #port = 0
  /** Where the server behind it listens. */
  upstreamPort = 0

  constructor() {
    this.#server = createServer((client) => this.#pass(client))
  }

  async open(): Promise<void> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    this.#port = (this.#server.address() as AddressInfo).port
  }

  get origin(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  /** From now on nothing comes through; what is on its way is cut. */
  down(): void {
    this.#isDown = true
    for (const socket of this.#sockets) socket.destroy()
  }

  up(): void {
    this.#isDown = false
  }

  /** How often a procedure was asked for since, or between. */
  count(path: string, sinceMs: number, untilMs = Number.POSITIVE_INFINITY): number {
    return this.requests.filter(({ path: asked, atMs }) => atMs >= sinceMs && atMs < untilMs && asked.startsWith(path)).length
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.down()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #pass(client: Socket): void {
    if (this.#isDown) return void client.destroy()
    const upstream = connect(this.upstreamPort, '127.0.0.1')
    for (const socket of [client, upstream]) {
      this.#sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        this.#sockets.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    // What is sent while nobody listens behind it does not come through.
    upstream.once('connect', () => {
      client.on('data', (chunk: Buffer) => {
        const [, path] = /^(?:GET|POST) (\S+) HTTP\/1\.1\r\n/.exec(chunk.toString('latin1')) ?? []
        if (path !== undefined) this.requests.push({ path, atMs: performance.now() })
      })
      client.pipe(upstream)
      upstream.pipe(client)
    })
  }
}
