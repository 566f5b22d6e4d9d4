import { once } from 'node:events'
import { type IncomingMessage, request, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { findFreePort } from '../../packages/platform-server/test/free-port.ts'
import { Running } from '../stage/process.ts'
import { serveOnLoopback } from '../stage/serve-on-loopback.ts'
import { Stage } from '../stage/stage.ts'

/** What a hostile platform makes of an honest answer. */
// biome-ignore lint/suspicious/noExplicitAny: a lie may have any shape
export type Lie = (answer: any, asked: any) => unknown

/** A real platform and its relay, with a man in the middle in front of both: clients know no other address. */
export interface HostilePlatform extends AsyncDisposable {
  readonly origin: string
  readonly directory: string
  /** Lies by procedure; an honest platform has none. */
  readonly lies: Map<string, Lie>
  /** How many bodies were given to a relay. */
  puts(): number
}

/** Start it. The real servers are processes of their own; the proxy speaks plain HTTP to both. */
export async function startHostilePlatform(): Promise<HostilePlatform> {
  const stage = new Stage({ name: 'am-hostile-' })
  const lies = new Map<string, Lie>()
  const [controlPort, relayPort] = [await findFreePort(), await findFreePort()]
  let puts = 0
  const control = await serveOnLoopback((incoming, outgoing) =>
    forward(controlPort, incoming, outgoing, (name, asked, answer) => lies.get(name)?.(answer, asked)),
  )
  const relay = await serveOnLoopback((incoming, outgoing) => {
    if (incoming.method === 'PUT') puts += 1
    void forward(relayPort, incoming, outgoing)
  })
  const server = new Running(join(import.meta.dirname, '..', '..', 'bin', 'platform-server'), [
    ...[
      '--data',
      join(stage.directory, 'data'),
      '--listen',
      `127.0.0.1:${controlPort}`,
      '--relay-listen',
      `127.0.0.1:${relayPort}`,
    ],
    ...['--origin', control.origin, '--relay-origin', relay.origin, '--log-level', 'error'],
  ])
  await server.line((line) => line.event === 'listening')
  return {
    origin: control.origin,
    directory: stage.directory,
    lies,
    puts: () => puts,
    async [Symbol.asyncDispose]() {
      await server.stop()
      for (const { server: proxy } of [control, relay]) {
        proxy.closeAllConnections()
        proxy.close()
      }
      await stage[Symbol.asyncDispose]()
    },
  }
}

type Twist = (procedure: string, asked: unknown, answer: unknown) => unknown

/** Pass a request on. The answer of a procedure is what `twist` makes of it; `undefined` leaves it as it is. */
async function forward(port: number, incoming: IncomingMessage, outgoing: ServerResponse, twist?: Twist): Promise<void> {
  const body = await buffer(incoming)
  const onward = request({ host: '127.0.0.1', port, method: incoming.method, path: incoming.url, headers: incoming.headers })
  onward.on('error', () => outgoing.destroy())
  onward.end(body)
  const [answer] = (await once(onward, 'response')) as [IncomingMessage]
  let bytes = await buffer(answer)
  const headers = { ...answer.headers }
  if (twist && answer.statusCode === 200) {
    const { pathname, searchParams } = new URL(incoming.url ?? '/', 'http://hostile')
    const asked = incoming.method === 'GET' ? searchParams.get('input') : body.toString()
    const said = JSON.parse(bytes.toString()) as { result: { data: unknown } }
    const lie = twist(pathname.replace('/trpc/', ''), asked ? JSON.parse(asked) : undefined, said.result.data)
    if (lie !== undefined) bytes = Buffer.from(JSON.stringify({ result: { data: lie } }))
    headers['content-length'] = String(bytes.length)
  }
  outgoing.writeHead(answer.statusCode ?? 502, headers).end(bytes)
}
