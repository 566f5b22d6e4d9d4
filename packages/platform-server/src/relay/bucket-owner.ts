import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import type { Bucket } from './blob-bucket.ts'

/** Says in the bucket whose bodies lie there. */
const OWNER_NAME = 'owner'
/** Written and removed at each start. */
const PROBE_NAME = 'probe'
const OWNER_BYTES = 16

/** Why a bucket cannot be used, in words for the operator. */
export class BucketUnusable extends Error {
  override readonly name = 'BucketUnusable'
}

interface Ownership {
  /** What this relay calls itself there; `undefined` if it never used a bucket. */
  readonly known: Uint8Array | undefined
  /** Whether the index has slots already. */
  readonly hasSlots: boolean
  /** Keep the name of a relay that begins to use a bucket, durably. */
  readonly keep: (owner: Uint8Array) => void
}

/**
 * Make sure that the bucket is this relay's and forgets what is deleted. Bodies that no slot refers to are removed from time to time: a relay that
 * looked into the bucket of another would remove all of its bodies.
 *
 * @throws BucketUnusable; what the service refuses.
 */
export async function claimBucket(bucket: Bucket, { known, hasSlots, keep }: Ownership): Promise<void> {
  if (await write(bucket, PROBE_NAME, new Uint8Array(1)))
    throw new BucketUnusable('the bucket keeps old versions: what is deleted would stay in it. Use one without versioning')
  await bucket.remove(PROBE_NAME)

  const stated = await readAll(await bucket.open(OWNER_NAME))
  if (stated) {
    if (known && Buffer.compare(stated, known) === 0) return
    throw new BucketUnusable('the bucket holds the bodies of another relay under this prefix: choose another prefix')
  }
  if (hasSlots && known)
    throw new BucketUnusable('the bucket does not hold the bodies of this relay: it is another one, or was emptied')
  if (hasSlots) throw new BucketUnusable('the bodies of this relay lie in files: begin with a bucket in a new data directory')
  const owner = known ?? new Uint8Array(randomBytes(OWNER_BYTES))
  if (!known) keep(owner)
  await write(bucket, OWNER_NAME, owner)
}

/** @returns whether the bucket keeps versions. */
async function write(bucket: Bucket, name: string, bytes: Uint8Array): Promise<boolean> {
  return (await bucket.put(name, Readable.from([bytes]), bytes.length)).keepsVersions
}

async function readAll(stream: Readable | undefined): Promise<Uint8Array | undefined> {
  if (!stream) return undefined
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}
