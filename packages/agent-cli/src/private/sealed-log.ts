import { createCipheriv, createDecipheriv } from 'node:crypto'
import { closeSync, constants, fchmodSync, fsyncSync, openSync, writeSync } from 'node:fs'
import { PRIVATE_FILE_MODE, readPrivateFile } from './files.ts'

const ALGORITHM = 'chacha20-poly1305'
const TAG_BYTES = 16
const LENGTH_BYTES = 4
const NONCE_BYTES = 12

/** A file that grows by sealed records. Every record can be read from the moment it was appended, whatever becomes of the process. */
export interface SealedLog {
  /** @returns what it took on disk, bytes. @throws if the disk takes no more; what was appended before stays. */
  append(record: Uint8Array): number
  /** Say that nothing follows, and make all of it durable. */
  end(): void
}

/**
 * Begin a log: each record is a length (u32) and a text sealed with ChaCha20-Poly1305, its nonce a counter of 11 bytes and 1 for the last one, 0 for the others.
 *
 * @param path - Must not be there: a key seals one log, ever.
 * @param key - 32 bytes.
 */
export function createSealedLog(path: string, key: Uint8Array): SealedLog {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_APPEND | constants.O_NOFOLLOW
  const file = openSync(path, flags, PRIVATE_FILE_MODE)
  fchmodSync(file, PRIVATE_FILE_MODE)
  let counter = 0
  const write = (record: Uint8Array, isLast: boolean): number => {
    const cipher = createCipheriv(ALGORITHM, key, nonceOf(counter++, isLast), { authTagLength: TAG_BYTES })
    const length = Buffer.alloc(LENGTH_BYTES)
    length.writeUInt32BE(record.length + TAG_BYTES)
    const sealed = Buffer.concat([length, cipher.update(record), cipher.final(), cipher.getAuthTag()])
    if (writeSync(file, sealed) !== sealed.length) throw new Error('the disk took a part of a record')
    return sealed.length
  }
  return {
    append: (record) => write(record, false),
    end() {
      try {
        write(new Uint8Array(), true)
        fsyncSync(file)
      } finally {
        closeSync(file)
      }
    },
  }
}

/**
 * Read a log, also one that is still being written.
 *
 * @returns The records up to the first that is torn, changed or out of place, and whether the log was ended and all of it is there.
 *   `undefined` if there is no such file.
 * @throws CliError `local_state` if the file is exposed or no plain file.
 */
export function readSealedLog(path: string, key: Uint8Array): { records: Uint8Array[]; isWhole: boolean } | undefined {
  const bytes = readPrivateFile(path)
  if (!bytes) return undefined
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const records: Uint8Array[] = []
  for (let at = 0; at + LENGTH_BYTES + TAG_BYTES <= file.length; ) {
    const length = file.readUInt32BE(at)
    at += LENGTH_BYTES
    const sealed = file.subarray(at, at + length)
    at += length
    if (sealed.length < length) break
    const record = open(key, sealed, nonceOf(records.length, false))
    if (!record) return { records, isWhole: at === file.length && open(key, sealed, nonceOf(records.length, true)) !== null }
    records.push(record)
  }
  return { records, isWhole: false }
}

function open(key: Uint8Array, sealed: Uint8Array, nonce: Uint8Array): Uint8Array | null {
  if (sealed.length < TAG_BYTES) return null
  const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES })
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES))
  const record = decipher.update(sealed.subarray(0, -TAG_BYTES))
  try {
    decipher.final()
    return record
  } catch {
    return null
  }
}

/** The counter never leaves its low 32 bits. */
function nonceOf(counter: number, isLast: boolean): Uint8Array {
  const nonce = Buffer.alloc(NONCE_BYTES)
  nonce.writeUInt32BE(counter, NONCE_BYTES - 5)
  nonce[NONCE_BYTES - 1] = isLast ? 1 : 0
  return nonce
}
