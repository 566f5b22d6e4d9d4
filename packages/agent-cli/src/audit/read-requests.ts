/** An HTTP/1.1 request as it was written to a connection. */
export interface SentRequest {
  readonly method: string
  /** As it was sent, with its query. */
  readonly path: string
  /** Names in lower case. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: Buffer
}

const END_OF_HEAD = Buffer.from('\r\n\r\n')

/** Read the requests that were written to one connection, one after the other. What is left after the last whole head is not a request. */
export function readRequests(sent: readonly Uint8Array[]): SentRequest[] {
  const bytes = Buffer.concat(sent)
  const requests: SentRequest[] = []
  for (let at = 0; at < bytes.length; ) {
    const headEnd = bytes.indexOf(END_OF_HEAD, at)
    if (headEnd < 0) break
    const [first = '', ...lines] = bytes.toString('latin1', at, headEnd).split('\r\n')
    const headers = lines.map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const
    })
    const [method = '', path = ''] = first.split(' ')
    const bodyStart = headEnd + END_OF_HEAD.length
    const bodyEnd = bodyStart + Number(headers.find(([name]) => name === 'content-length')?.[1] ?? 0)
    requests.push({ method, path, headers, body: bytes.subarray(bodyStart, bodyEnd) })
    at = bodyEnd
  }
  return requests
}
