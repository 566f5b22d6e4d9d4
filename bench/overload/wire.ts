import { connect, type Socket } from 'node:net'

const END_OF_HEAD = '\r\n\r\n'

/** What came back: the status and the body. `undefined` where the server hung up instead. */
export type Answer = { readonly status: number; readonly body: string } | undefined

/**
 * One connection that carries one request at a time and is opened again when the server has closed it.
 * As little work as it takes: what calls must have time left to call more often than what it measures can answer.
 */
export class Wire {
  readonly #host: string
  readonly #port: number
  #socket: Socket | undefined
  #received = ''
  #tell: ((answer: Answer) => void) | undefined

  constructor(origin: string) {
    const { hostname, port } = new URL(origin)
    this.#host = hostname
    this.#port = Number(port)
  }

  /** @param request - All its bytes. @param tell - Called once. */
  send(request: string, tell: (answer: Answer) => void): void {
    this.#tell = tell
    this.#received = ''
    this.#socket ??= this.#open()
    this.#socket.write(request, 'latin1')
  }

  close(): void {
    this.#socket?.destroy()
  }

  #open(): Socket {
    const socket = connect({ host: this.#host, port: this.#port, noDelay: true })
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => this.#read(text))
    socket.on('error', () => {})
    socket.on('close', () => {
      if (this.#socket === socket) this.#socket = undefined
      this.#end(undefined)
    })
    return socket
  }

  #read(text: string): void {
    this.#received += text
    const end = this.#received.indexOf(END_OF_HEAD)
    if (end < 0) return
    const head = this.#received.slice(0, end)
    const body = this.#received.slice(end + END_OF_HEAD.length)
    const [, length] = /\r\ncontent-length: (\d+)/i.exec(head) ?? []
    if (body.length < Number(length)) return
    if (/\r\nconnection: close/i.test(head)) {
      this.#socket?.destroy()
      this.#socket = undefined
    }
    this.#end({ status: Number(head.slice(9, 12)), body })
  }

  #end(answer: Answer): void {
    const tell = this.#tell
    this.#tell = undefined
    tell?.(answer)
  }
}

/** The bytes of a mutation with a session. @param more - Further header lines. */
export function mutationBytes(origin: string, procedure: string, token: string, input: object, more = ''): string {
  const body = JSON.stringify(input)
  return `POST /trpc/${procedure} HTTP/1.1\r\nhost: ${new URL(origin).host}\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\n${more}content-length: ${body.length}\r\n\r\n${body}`
}
