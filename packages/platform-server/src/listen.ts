import { type EventEmitter, once } from 'node:events'
import type { Address } from './address.ts'

/** Agents that all come back after a restart come at once: so many connections may wait to be accepted. */
const BACKLOG = 4_096

/** What binds like a server of `node:net`. */
interface Bindable extends EventEmitter {
  listen(options: Address & { backlog: number }): unknown
  address(): { port: number } | string | null
}

/**
 * Bind a server to an address.
 *
 * @returns the port, which is a free one where 0 was asked for.
 * @throws the error of the operating system when the address is taken, foreign or forbidden.
 */
export async function listen(server: Bindable, { host, port }: Address): Promise<number> {
  server.listen({ host, port, backlog: BACKLOG })
  await once(server, 'listening')
  const bound = server.address()
  return typeof bound === 'object' && bound ? bound.port : port
}
