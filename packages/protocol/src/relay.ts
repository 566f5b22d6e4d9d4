import type { RELAY_TTL_MS } from './limits.ts'

/** How long a relay keeps a slot. */
export type RelayTtl = keyof typeof RELAY_TTL_MS

/** Request headers of the relay plane, lower case. */
export const RELAY_HEADERS = {
  token: 'relay-token',
  deleteHash: 'relay-delete-hash',
  ttl: 'relay-ttl',
  record: 'relay-record',
  readCap: 'relay-read-cap',
  deleteCap: 'relay-delete-cap',
} as const

/** Headers that would tie a request on the relay to somebody: a request that carries one is refused. */
export const RELAY_FORBIDDEN_HEADERS = ['authorization', 'cookie', 'idempotency-key', 'traceparent'] as const

export const RELAY_PATHS = {
  slot: '/relay/v1/slots/',
  read: '/relay/v1/slots/read',
  delete: '/relay/v1/slots/delete',
  feed: '/relay/v1/feed',
  keys: '/relay/v1/keys',
} as const
