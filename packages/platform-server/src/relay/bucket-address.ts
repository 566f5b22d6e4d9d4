/** Where bodies lie when not in files: a bucket of an S3-compatible service. */
export interface BucketAddress {
  readonly bucket: string
  /** In front of every name; empty, or ends with a slash. */
  readonly prefix: string
  /** The service; without it that of the region. */
  readonly endpoint: string | undefined
  readonly region: string | undefined
}

/** Who may use it. Secret. */
export interface BucketCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/
const PREFIX = /^(?:[A-Za-z0-9_.-]+\/)*$/
const REGION = /^[a-z0-9-]{1,64}$/
const LOOPBACK = /^(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])$/

/**
 * Read `s3://BUCKET[/PREFIX][?endpoint=https://HOST[:PORT]&region=REGION]`.
 *
 * @returns `undefined` for anything else; also for an endpoint over plain http on another machine, and for secrets in the address.
 */
export function parseBucketAddress(text: string): BucketAddress | undefined {
  const url = URL.parse(text)
  if (url?.protocol !== 's3:' || url.username || url.password || url.port || url.hash) return undefined
  const bucket = url.hostname
  const path = url.pathname.slice(1)
  const prefix = path === '' || path.endsWith('/') ? path : `${path}/`
  const { endpoint, region, ...unknown } = Object.fromEntries(url.searchParams) as Record<string, string | undefined>
  const isRead = BUCKET.test(bucket) && PREFIX.test(prefix) && Object.keys(unknown).length === 0
  if (!isRead || (region !== undefined && !REGION.test(region))) return undefined
  if (endpoint !== undefined && !isEndpoint(endpoint)) return undefined
  return { bucket, prefix, endpoint, region }
}

function isEndpoint(text: string): boolean {
  const url = URL.parse(text)
  if (!url || url.username || url.password || url.search || url.hash) return false
  return url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.test(url.hostname))
}
