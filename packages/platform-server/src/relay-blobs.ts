import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from './config.ts'
import { openBlobBucket, openBucket } from './relay/blob-bucket.ts'
import { openBlobFiles } from './relay/blob-files.ts'
import type { BlobStore } from './relay/blob-store.ts'
import { BucketUnusable, claimBucket } from './relay/bucket-owner.ts'
import { StorageUnusable } from './storage/open-error.ts'

interface Place {
  /** The relay's own directory; it is there. */
  readonly directory: string
  /** Whether the index has slots already. */
  readonly hasSlots: boolean
  readonly onFault: (error: unknown) => void
}

/**
 * Open the store of bodies: files in the relay's directory, or a bucket. A relay keeps to the one it began with, because its slots refer to it.
 *
 * @throws StorageUnusable if it is not the one this relay began with, or the bucket cannot be used.
 */
export async function openBlobs({ relayBlobs }: Config, { directory, hasSlots, onFault }: Place): Promise<BlobStore> {
  const ownerFile = join(directory, 'bucket-owner')
  if (!relayBlobs) {
    if (existsSync(ownerFile)) throw new StorageUnusable('the bodies of this relay lie in a bucket: name it with --relay-blobs')
    return openBlobFiles(join(directory, 'blobs'), Date.now)
  }
  try {
    const bucket = await openBucket(relayBlobs.address, relayBlobs.credentials)
    const known = existsSync(ownerFile) ? new Uint8Array(readFileSync(ownerFile)) : undefined
    await claimBucket(bucket, { known, hasSlots, keep: (owner) => writeDurably(ownerFile, owner) })
    return openBlobBucket(bucket, onFault)
  } catch (error) {
    const reason = error instanceof BucketUnusable ? error.message : `the bucket cannot be used (${nameOf(error)})`
    throw new StorageUnusable(`--relay-blobs: ${reason}`)
  }
}

function writeDurably(path: string, bytes: Uint8Array): void {
  const file = openSync(path, 'wx', 0o600)
  try {
    writeFileSync(file, bytes)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** The code of a failure; its message may hold names. */
function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}
