import { BlockList, isIP } from 'node:net'

const V4_MAPPED = /^::ffff:([0-9.]+)$/i

/** Where a request says it comes from. */
export interface Sender {
  /** As the socket tells it; `undefined` once the peer has hung up. */
  readonly peer: string | undefined
  /** The values of `X-Forwarded-For`; most calls never look at them. */
  readonly forwardedFor: () => readonly string[] | undefined
}

/**
 * Make the function that finds the address a request is counted for.
 *
 * `X-Forwarded-For` is read from the right, each entry only if whoever added it is one of our own proxies: the result is the right-most address that is
 * not. Without proxies, or from anybody else, the header is nothing but a claim and is not looked at. An entry that is no address ends the reading:
 * the call is counted for the proxy that passed it on.
 *
 * @param proxies - Addresses and networks (CIDR), as the configuration has read them.
 */
export function createAddressFinder(proxies: readonly string[]): (sender: Sender) => string | undefined {
  if (proxies.length === 0) return ({ peer }) => peer
  const list = new BlockList()
  for (const network of proxies) {
    const [address = '', prefix] = network.split('/')
    const family = familyOf(address)
    if (prefix === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(prefix), family)
  }
  const isProxy = (address: string) => isIP(address) !== 0 && list.check(address, familyOf(address))

  return ({ peer, forwardedFor }) => {
    if (peer === undefined) return undefined
    let address = withoutMapping(peer)
    if (!isProxy(address)) return address
    const hops = (forwardedFor() ?? []).join(',').split(',')
    while (isProxy(address)) {
      const next = withoutMapping(hops.pop()?.trim() ?? '')
      if (isIP(next) === 0) break
      address = next
    }
    return address
  }
}

function withoutMapping(address: string): string {
  return V4_MAPPED.exec(address)?.[1] ?? address
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 4 ? 'ipv4' : 'ipv6'
}
