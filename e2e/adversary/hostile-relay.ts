import { once } from 'node:events'
import { type IncomingHttpHeaders, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { deriveSlotId, fromBase64url, RELAY_HEADERS, RELAY_PATHS } from '@agent-marketplace/protocol'
import { serveOnLoopback } from '../stage/serve-on-loopback.ts'

const DROP_BYTES = 16_384

/** What the relay behind would have answered. */
export interface Honest {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** What a client wants: to read a part or a drop, the feed, or to store a part or a drop. */
export type Wish = 'part' | 'drop' | 'feed' | 'put part' | 'put drop'

/** A request and what could be made of it. */
export interface Asked {
  readonly url: URL
  /** In the order in which they came, all bodies of the size of the honest one that other slots were given. */
  readonly others: readonly Buffer[]
  /** Hand the request on; a relay that lies about an upload need not. */
  honest(): Promise<Honest>
}

/** What a hostile relay does instead of answering. */
export type Lie = (outgoing: ServerResponse, asked: Asked) => void | Promise<void>

/** A real relay with a man in the middle, who speaks plain HTTP and sees everything, as the operator of a relay does. */
export interface HostileRelay extends AsyncDisposable {
  readonly origin: string
  /** Lies by what is asked for; an honest relay has none. */
  readonly lies: Map<Wish, Lie>
  /** How often a client was told each of the lies since they were last cleared. */
  readonly told: Map<Wish, number>
  /** An origin that redirections lead to, and what was asked for there. */
  readonly elsewhere: { readonly origin: string; readonly requests: string[] }
  /** Be honest from now on. */
  repent(): void
}

/** Start the man in the middle. @param port - Where on the loopback the real relay listens; it may start later. */
export async function startHostileRelay(port: number): Promise<HostileRelay> {
  const lies = new Map<Wish, Lie>()
  const told = new Map<Wish, number>()
  const bodies = new Map<string, Buffer>()
  const requests: string[] = []
  const elsewhere = await serveOnLoopback((incoming, outgoing) => {
    requests.push(`${incoming.method} ${incoming.url}`)
    outgoing.writeHead(200).end()
  })
  const relay = await serveOnLoopback(async (incoming, outgoing) => {
    const body = await buffer(incoming)
    let answer: Promise<Honest> | undefined
    const honest = () => (answer ??= forward(port, incoming, body))
    const slot = slotOf(incoming)
    if (incoming.method === 'PUT' && slot) bodies.set(slot, body)
    const wish = await wishOf(incoming, honest)
    const lie = wish && lies.get(wish)
    if (!lie) return pass(outgoing, await honest())
    told.set(wish, (told.get(wish) ?? 0) + 1)
    const { length } = incoming.method === 'PUT' ? body : (await honest()).body
    const others = [...bodies].flatMap(([id, other]) => (id !== slot && other.length === length ? other : []))
    await lie(outgoing, { url: new URL(incoming.url ?? '/', 'http://relay'), others, honest })
  })
  const repent = () => {
    lies.clear()
    told.clear()
  }
  return {
    origin: relay.origin,
    lies,
    told,
    elsewhere: { origin: elsewhere.origin, requests },
    repent,
    async [Symbol.asyncDispose]() {
      for (const { server } of [relay, elsewhere]) {
        server.closeAllConnections()
        server.close()
        await once(server, 'close')
      }
    },
  }
}

/** Anybody who is asked for a slot knows its id. */
function slotOf({ url = '', headers }: IncomingMessage): string | undefined {
  if (url.startsWith(RELAY_PATHS.slot) && url !== RELAY_PATHS.read && url !== RELAY_PATHS.delete)
    return url.slice(RELAY_PATHS.slot.length)
  const cap = fromBase64url(String(headers[RELAY_HEADERS.readCap] ?? ''))
  return cap && cap.length > 0 ? Buffer.from(deriveSlotId(cap)).toString('base64url') : undefined
}

async function wishOf({ method, url = '', headers }: IncomingMessage, honest: () => Promise<Honest>): Promise<Wish | undefined> {
  if (url.startsWith(RELAY_PATHS.feed)) return 'feed'
  if (method === 'PUT') return RELAY_HEADERS.record in headers ? 'put drop' : 'put part'
  if (url !== RELAY_PATHS.read) return undefined
  const { status, body } = await honest()
  if (status !== 200) return undefined
  return body.length === DROP_BYTES ? 'drop' : 'part'
}

async function forward(port: number, { method, url, headers }: IncomingMessage, body: Buffer): Promise<Honest> {
  const onward = request({ host: '127.0.0.1', port, method, path: url, headers, agent: false })
  onward.end(body)
  const [answer] = (await once(onward, 'response')) as [IncomingMessage]
  return { status: answer.statusCode ?? 502, headers: answer.headers, body: await buffer(answer) }
}

/** Answer as the relay behind does, or with something changed. */
export function pass(outgoing: ServerResponse, { status, headers, body }: Honest): void {
  outgoing.writeHead(status, status === 204 ? headers : { ...headers, 'content-length': body.length }).end(body)
}
