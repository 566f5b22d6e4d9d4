import type { Readable } from 'node:stream'

/** The random name of a stored body: 32 hexadecimal digits, the first two of which choose its folder. */
export type BlobRef = string

/** Where bodies lie. It knows nothing of slots; the index knows which names are in use. */
export interface BlobStore {
  /**
   * Store all of `source` durably, in constant memory. What throws leaves nothing behind.
   * The chunks become the store's own: once they are stored their memory may be given back.
   *
   * @param bytes - How many `source` has.
   * @throws Refusal `storage_full` on a full disk, `unavailable` when the store does not answer; what `source` throws.
   */
  put(ref: BlobRef, source: AsyncIterable<Uint8Array>, bytes: number): Promise<void>
  /** @returns a stream of the body that stays readable even if the body is removed meanwhile; `undefined` if there is none. */
  open(ref: BlobRef): Promise<Readable | undefined>
  /** Remove a body; one that is not there is no error. */
  remove(ref: BlobRef): Promise<void>
  /** @returns the names that lie in one folder. */
  list(folder: string): Promise<BlobRef[]>
}

/** The folders: "00" to "ff". */
export const BLOB_FOLDERS: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** @returns the folder of a body. */
export function folderOf(ref: BlobRef): string {
  return ref.slice(0, 2)
}
