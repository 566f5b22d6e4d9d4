const V4_MAPPED = /^::ffff:([0-9.]+)$/i
/** One subscriber of IPv6 usually has a network of 64 bits, so its addresses count as one. */
const V6_GROUPS = 4

/**
 * What stands for a client that has not authenticated: its IPv4 address, or its IPv6 network of 64 bits.
 *
 * @param address - As the socket tells it; `undefined` once the peer has hung up.
 */
export function clientKey(address: string | undefined): string {
  if (address === undefined) return 'gone'
  const mapped = V4_MAPPED.exec(address)?.[1]
  if (mapped) return mapped
  return address.includes(':') ? `${networkOf(address)}::/64` : address
}

function networkOf(address: string): string {
  const [head = '', tail] = address.split('%')[0]?.split('::') ?? []
  const left = head === '' ? [] : head.split(':')
  const right = tail ? tail.split(':') : []
  const zeros = tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0')
  return [...left, ...zeros, ...right].slice(0, V6_GROUPS).join(':')
}
