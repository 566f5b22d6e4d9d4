import type { SentRequest } from './read-requests.ts'

/** One kind of call: how often it was made, which fields or headers it carried, and the sizes of its bodies. */
export interface Told {
  readonly call: string
  readonly times: number
  readonly fields: readonly string[]
  /** Bytes of the bodies, each size once, ascending. */
  readonly bodyBytes: readonly number[]
}

/** Headers that every request has. */
const PLAIN_HEADERS: ReadonlySet<string> = new Set(['host', 'connection', 'content-length', 'accept', 'content-type'])
const DEPTH_MAX = 2

/** What the platform was told: names of calls and of the fields and headers they carried. */
export function tellPlatform(requests: readonly SentRequest[]): Told[] {
  return tell(requests, ({ path }) => new URL(path, 'http://plane').pathname.split('/').at(-1) ?? path, fieldsOf)
}

/** What the relay was told. A slot's own id is left out of the name of its call. */
export function tellRelay(requests: readonly SentRequest[]): Told[] {
  const nameOf = ({ method, path }: SentRequest) => {
    const { pathname } = new URL(path, 'http://plane')
    return `${method} ${method === 'PUT' ? pathname.replace(/[^/]+$/, '…') : pathname}`
  }
  return tell(requests, nameOf, headersOf)
}

function tell(
  requests: readonly SentRequest[],
  nameOf: (request: SentRequest) => string,
  carriedBy: (request: SentRequest) => readonly string[],
): Told[] {
  const byName = Map.groupBy(requests, nameOf)
  return [...byName].sort().map(([call, all]) => ({
    call,
    times: all.length,
    fields: [...new Set(all.flatMap(carriedBy))].sort(),
    bodyBytes: [...new Set(all.map(({ body }) => body.length))].sort((a, b) => a - b),
  }))
}

function headersOf({ headers }: SentRequest): string[] {
  return headers.map(([name]) => name).filter((name) => !PLAIN_HEADERS.has(name))
}

function fieldsOf(request: SentRequest): string[] {
  const query = new URL(request.path, 'http://plane').searchParams.get('input')
  return [...headersOf(request), ...namesIn(parse(query ?? request.body.toString('utf8')), '', 1)]
}

function namesIn(value: unknown, prefix: string, depth: number): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return []
  return Object.entries(value).flatMap(([name, inner]) => {
    const path = `${prefix}${name}`
    const names = depth < DEPTH_MAX ? namesIn(inner, `${path}.`, depth + 1) : []
    return names.length > 0 ? names : [path]
  })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}
