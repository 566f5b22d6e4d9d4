/** Where a listener binds. `host` carries no brackets; port 0 picks a free one. */
export interface Address {
  readonly host: string
  readonly port: number
}

const HOST_PORT = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9.-]+)):([0-9]{1,5})$/i
const PORT_MAX = 65_535

/** Read `HOST:PORT` (an IPv6 host in brackets). @returns `undefined` when the text is something else. */
export function parseAddress(text: string): Address | undefined {
  const [, v6, host = v6, digits] = HOST_PORT.exec(text) ?? []
  const port = Number(digits)
  return host !== undefined && port <= PORT_MAX ? { host, port } : undefined
}

/** @returns whether only this machine can reach a host, brackets or not. */
export function isLoopback(host: string): boolean {
  return /^(?:localhost|127(?:\.[0-9]{1,3}){3}|\[?::1\]?)$/i.test(host)
}

/** @returns whether a listen host stands for every address of the machine, so that no client could use it as a name. */
export function isWildcard(host: string): boolean {
  return /^(?:0(?:\.0){0,3}|[0:]*::[0:]*)$/.test(host)
}

/** The plain-http origin of a listen address, as `URL.origin` writes it. */
export function originOf({ host, port }: Address): string {
  return new URL(`http://${host.includes(':') ? `[${host}]` : host}:${port}`).origin
}

/** An origin whose port was left to the system, with the port that was found; any other origin unchanged. */
export function withPort(origin: string, port: number): string {
  const url = new URL(origin)
  if (url.port !== '0') return origin
  url.port = String(port)
  return url.origin
}
