import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { BucketAddress } from './bucket-address.ts'
import { openSignatureGate } from './test-signature.ts'

const SERVER = join(import.meta.dirname, '..', '..', 'node_modules', 's3rver', 'bin', 's3rver.js')

/** Who the server lets in. */
export const BUCKET_CREDENTIALS = { accessKeyId: 'S3RVER', secretAccessKey: 'a secret of its own' }

/** An S3-compatible service in a process of its own, with one empty bucket. It lets in who has the key and signs with its secret. */
export interface TestBucket extends AsyncDisposable {
  /** `http://127.0.0.1:…` */
  readonly endpoint: string
  /** The bucket under a prefix. */
  address(prefix?: string): BucketAddress
  /** Everything the service keeps, as it lies on its disk. */
  bytes(): Promise<Buffer>
  /** Whether nobody reaches the service; what it keeps stays. */
  setAway(isAway: boolean): void
}

export async function startTestBucket(): Promise<TestBucket> {
  const directory = await mkdtemp(join(tmpdir(), 'bucket-'))
  const args = [SERVER, '--directory', directory, '--port', '0', '--address', '127.0.0.1', '--configure-bucket', 'bodies']
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  const closed = once(child, 'close')
  let endpoint: string | undefined
  for await (const line of createInterface(child.stdout)) {
    endpoint = /127\.0\.0\.1:[0-9]+/.exec(line)?.[0]
    if (endpoint) break
  }
  child.stdout.resume()
  if (!endpoint) throw new Error('the service did not start')
  // It knows keys by their id and checks no signatures.
  const gate = await openSignatureGate(endpoint, BUCKET_CREDENTIALS.secretAccessKey)

  return {
    endpoint: `http://${gate.host}`,
    address: (prefix = '') => ({ bucket: 'bodies', prefix, endpoint: `http://${gate.host}`, region: undefined }),
    bytes: () => bytesUnder(directory),
    setAway: (isAway) => gate.setAway(isAway),
    async [Symbol.asyncDispose]() {
      await gate.close()
      child.kill()
      await closed
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** @returns everything in a directory: the bytes of its files, and all names. */
export async function bytesUnder(directory: string): Promise<Buffer> {
  const names = await readdir(directory, { recursive: true })
  const paths = names.map((name) => join(directory, name))
  const files = await Promise.all(paths.map(async (path) => ((await stat(path)).isFile() ? readFile(path) : Buffer.from(path))))
  return Buffer.concat([...files, Buffer.from(names.join('\n'))])
}
