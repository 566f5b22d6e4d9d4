import { Readable } from 'node:stream'
import type { GetObjectCommandOutput, S3ClientConfig } from '@aws-sdk/client-s3'
import { Refusal } from '../errors.ts'
import { type BlobRef, type BlobStore, folderOf } from './blob-store.ts'
import type { BucketAddress, BucketCredentials } from './bucket-address.ts'

const REGION_DEFAULT = 'us-east-1'
const CONNECT_TIMEOUT_MS = 5_000
/** The longest silence on a connection that is in use. */
const SILENCE_MAX_MS = 30_000
/** What the library would write on the console; faults are told by what it throws. */
const SILENT = { trace() {}, debug() {}, info() {}, warn() {}, error() {} }
const BLOB_REF = /^[0-9a-f]{32}$/

/** A bucket, and the few calls the relay makes to it. Names are taken and given without the prefix. */
export interface Bucket {
  /** Store exactly `bytes` bytes. @returns whether the bucket keeps old versions of what is overwritten or deleted. */
  put(name: string, source: AsyncIterable<Uint8Array>, bytes: number): Promise<{ keepsVersions: boolean }>
  /** @returns `undefined` if nothing has that name. */
  open(name: string): Promise<Readable | undefined>
  remove(name: string): Promise<void>
  list(folder: string): Promise<string[]>
}

/** Reach a bucket. Nothing is sent yet. */
export async function openBucket(address: BucketAddress, credentials: BucketCredentials): Promise<Bucket> {
  // Half a second to load (measured): only a relay with a bucket pays for it.
  const s3 = await import('@aws-sdk/client-s3')
  const client = new s3.S3Client(clientConfig(address, credentials))
  const { bucket: Bucket, prefix } = address
  const keyOf = (name: string) => prefix + name

  return {
    async put(name, source, bytes) {
      const body = Readable.from(source, { objectMode: false })
      const failed = new AbortController()
      // The source fails when a peer hangs up: what was sent of it must not become an object.
      body.once('error', (error) => failed.abort(error))
      try {
        const input = { Bucket, Key: keyOf(name), Body: body, ContentLength: bytes }
        const { VersionId } = await client.send(new s3.PutObjectCommand(input), { abortSignal: failed.signal })
        return { keepsVersions: VersionId !== undefined && VersionId !== 'null' }
      } catch (error) {
        throw body.errored ?? error
      } finally {
        body.destroy()
      }
    },

    async open(name) {
      const found = await client.send(new s3.GetObjectCommand({ Bucket, Key: keyOf(name) })).catch((error: unknown) => {
        if (error instanceof s3.NoSuchKey) return undefined
        throw error
      })
      return found && streamOf(found)
    },

    async remove(name) {
      await client.send(new s3.DeleteObjectCommand({ Bucket, Key: keyOf(name) }))
    },

    async list(folder) {
      const names: string[] = []
      for await (const page of s3.paginateListObjectsV2({ client }, { Bucket, Prefix: keyOf(`${folder}/`) }))
        for (const { Key } of page.Contents ?? []) if (Key) names.push(Key.slice(prefix.length))
      return names
    },
  }
}

/**
 * Bodies as objects of a bucket, named at random under a prefix that is the relay's alone. The service notes when each was stored: nothing else
 * can be had from it (design/decisions/0036).
 *
 * @param onFault - Told when the service does not do what it is asked to; the caller gets `unavailable`.
 */
export function openBlobBucket(bucket: Bucket, onFault: (error: unknown) => void): BlobStore {
  const nameOf = (ref: BlobRef) => `${folderOf(ref)}/${ref}`
  const orUnavailable = (error: unknown): never => {
    onFault(error)
    throw new Refusal('unavailable', 'the store of bodies does not answer')
  }

  return {
    async put(ref, source, bytes) {
      const peer = watched(source)
      try {
        await bucket.put(nameOf(ref), peer.source, bytes)
      } catch (error) {
        await bucket.remove(nameOf(ref)).catch(onFault)
        if (peer.failure()) throw error
        orUnavailable(error)
      }
    },
    open: (ref) => bucket.open(nameOf(ref)).catch(orUnavailable),
    remove: (ref) => bucket.remove(nameOf(ref)),
    async list(folder) {
      const names = await bucket.list(folder)
      // What others have laid there is not the relay's to remove.
      return names.map((name) => name.slice(folder.length + 1)).filter((name) => BLOB_REF.test(name) && folderOf(name) === folder)
    },
  }
}

/** Tells a source that failed from a service that did. */
function watched(source: AsyncIterable<Uint8Array>): { source: AsyncIterable<Uint8Array>; failure: () => unknown } {
  let failure: unknown
  async function* pass(): AsyncGenerator<Uint8Array> {
    try {
      yield* source
    } catch (error) {
      failure = error
      throw error
    }
  }
  return { source: pass(), failure: () => failure }
}

function clientConfig({ endpoint, region }: BucketAddress, credentials: BucketCredentials): S3ClientConfig {
  return {
    region: region ?? REGION_DEFAULT,
    credentials,
    logger: SILENT,
    ...(endpoint && { endpoint, forcePathStyle: true }),
    // A checksum at the end would need an encoding that not every service reads; TLS and Content-Length guard the transfer, and the seal the content.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: { connectionTimeout: CONNECT_TIMEOUT_MS, socketTimeout: SILENCE_MAX_MS },
  }
}

function streamOf({ Body }: GetObjectCommandOutput): Readable {
  if (!(Body instanceof Readable)) throw new Error('the service sent no body')
  return Body
}
