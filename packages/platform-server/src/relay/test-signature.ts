import { createHash, createHmac } from 'node:crypto'
import { createServer, type IncomingMessage, request } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { listen } from '../listen.ts'

const REFUSED =
  '<?xml version="1.0"?><Error><Code>SignatureDoesNotMatch</Code><Message>not signed with the secret</Message></Error>'
const AUTHORIZATION = /^AWS4-HMAC-SHA256 Credential=[^/]+\/([^,]+), SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/

/** Stands before an S3-compatible service that checks no signatures, and lets through what is signed with the secret. */
export interface SignatureGate {
  /** `127.0.0.1:…` */
  readonly host: string
  /** Cut every connection, until it is said otherwise. */
  setAway(isAway: boolean): void
  close(): Promise<void>
}

/** @param host - Of the service behind, with its port. */
export async function openSignatureGate(host: string, secret: string): Promise<SignatureGate> {
  const server = createServer((req, res) => {
    if (!isSigned(req, secret)) {
      res.writeHead(403, { 'content-type': 'application/xml', connection: 'close' }).end(REFUSED)
      return
    }
    const onward = request(`http://${host}${req.url}`, { method: req.method ?? 'GET', headers: req.headers }, (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.headers)
      pipeline(answer, res).catch(() => {})
    })
    pipeline(req, onward).catch(() => res.destroy())
  })
  let isCut = false
  server.on('connection', (socket) => {
    if (isCut) socket.destroy()
  })
  const port = await listen(server, { host: '127.0.0.1', port: 0 })
  return {
    host: `127.0.0.1:${port}`,
    setAway(isAway) {
      isCut = isAway
      if (isAway) server.closeAllConnections()
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** Version 4 of Amazon's signatures, computed from what arrived: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html */
function isSigned(req: IncomingMessage, secret: string): boolean {
  const [, scope = '', signedHeaders = '', signature] = AUTHORIZATION.exec(req.headers.authorization ?? '') ?? []
  const [path = '', query = ''] = (req.url ?? '').split('?')
  const canonical = [
    req.method,
    path,
    query
      .split('&')
      .filter(Boolean)
      .map((each) => (each.includes('=') ? each : `${each}=`))
      .sort()
      .join('&'),
    ...signedHeaders.split(';').map((name) => `${name}:${String(req.headers[name] ?? '').trim()}`),
    '',
    signedHeaders,
    req.headers['x-amz-content-sha256'],
  ].join('\n')
  const text = ['AWS4-HMAC-SHA256', req.headers['x-amz-date'], scope, createHash('sha256').update(canonical).digest('hex')].join(
    '\n',
  )
  const mac = (key: string | Buffer, data: string) => createHmac('sha256', key).update(data).digest()
  return mac(scope.split('/').reduce(mac, Buffer.from(`AWS4${secret}`)), text).toString('hex') === signature
}
