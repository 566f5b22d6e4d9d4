import { Agent, type Dispatcher, ProxyAgent, Socks5ProxyAgent } from 'undici'
import { usage } from '../agent/cli-error.ts'

const CONNECT_TIMEOUT_MS = 10_000

/**
 * Open connections for the relay alone: HTTP/1.1, so that every client's requests look the same.
 *
 * @param proxy - `http://`, `https://`, `socks5://` or `socks5h://`. The proxy looks names up and only tunnels: it sees which relay, not what is said
 *   over TLS, and adds no header.
 * @throws CliError `usage` for another kind of proxy.
 */
export function openDispatcher(proxy: string | undefined): Dispatcher {
  const options = { allowH2: false, connectTimeout: CONNECT_TIMEOUT_MS }
  if (proxy === undefined) return new Agent(options)
  const url = URL.parse(proxy)
  switch (url?.protocol) {
    case 'http:':
    case 'https:':
      return new ProxyAgent({ ...options, uri: proxy, proxyTunnel: true })
    case 'socks5:':
    case 'socks5h:':
      return new Socks5ProxyAgent(proxy.replace(/^socks5h:/i, 'socks5:'), options)
    default:
      throw usage('the relay proxy is not an http(s) or socks5 URL')
  }
}
