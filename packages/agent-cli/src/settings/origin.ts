import { usage } from '../agent/cli-error.ts'

const LOOPBACK = /^(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])$/

/** Whether an origin is on this machine. */
export function isLoopback(origin: string): boolean {
  return LOOPBACK.test(new URL(origin).hostname)
}

/**
 * Read the address of a server: an origin, with no path, user or query.
 *
 * @param allowPlain - Plain http to another machine is refused unless this is set (`--insecure`).
 * @returns The origin as `URL.origin` writes it.
 * @throws CliError `usage` for anything else.
 */
export function parseOrigin(text: string, { what, allowPlain }: { what: string; allowPlain: boolean }): string {
  const url = URL.parse(text)
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:')) throw usage(`${what} is not an http(s) URL`)
  if (url.username !== '' || url.password !== '') throw usage(`${what} must not contain a user name or password`)
  if ((url.pathname !== '/' && url.pathname !== '') || url.search !== '' || url.hash !== '')
    throw usage(`${what} is an origin: it has no path`)
  if (url.protocol === 'http:' && !LOOPBACK.test(url.hostname) && !allowPlain)
    throw usage(
      `${what} is another machine over plain http`,
      'use https, or --insecure if you accept that everybody on the way can read and change it',
    )
  return url.origin
}
