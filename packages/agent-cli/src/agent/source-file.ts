import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { basename } from 'node:path'
import { FileNameError, safeFileName } from '../daemon/file-name.ts'
import { usage } from './cli-error.ts'

const READ_BYTES = 1024 * 1024

/** A plain file about to be sealed, and held open. All that it gives is of one content: `usage` is thrown once the file is no longer the one that was opened. */
export interface SourceFile extends AsyncDisposable {
  readonly name: string
  readonly bytes: number
  /** SHA-256 of its bytes, base64url. */
  hash(signal?: AbortSignal): Promise<string>
  /** Read a range, into `room` if it has any. */
  read(start: number, end: number, room?: Uint8Array): Promise<Uint8Array>
}

/**
 * Open a file.
 *
 * @throws CliError `usage` if there is none, it cannot be read, is not a plain file or has a name others would refuse.
 */
export async function openSourceFile(path: string): Promise<SourceFile> {
  const name = sourceName(path)
  // Without waiting, so that a pipe in place of a file is refused and not read.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: NodeJS.ErrnoException) => {
    throw usage(`cannot read ${path}: ${error.code === 'ENOENT' ? 'there is no such file' : (error.code ?? 'it failed')}`)
  })
  try {
    const before = await stateOf(file)
    if (!before.isFile) throw usage(`${path} is not a plain file`)
    const refuseChanged = async () => {
      if ((await stateOf(file)).text !== before.text) throw usage(`${path} was changed while it was being sealed`)
    }
    return {
      name,
      bytes: before.bytes,
      async hash(signal) {
        const sha256 = await hashFile(file, signal)
        await refuseChanged()
        return sha256
      },
      async read(start, end, room = new Uint8Array(end - start)) {
        const data = await readRange(file, start, room.subarray(0, end - start))
        await refuseChanged()
        return data
      },
      [Symbol.asyncDispose]: () => file.close(),
    }
  } catch (error) {
    await file.close()
    throw error
  }
}

/** SHA-256 of a whole open file, base64url. One piece is read while the one before is hashed. */
export async function hashFile(file: FileHandle, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256')
  let [ahead, behind] = [Buffer.allocUnsafe(READ_BYTES), Buffer.allocUnsafe(READ_BYTES)]
  let reading = file.read(ahead, 0, READ_BYTES, 0)
  for (let position = 0; ; ) {
    const { bytesRead } = await reading
    if (bytesRead === 0) return hash.digest('base64url')
    signal?.throwIfAborted()
    ;[ahead, behind] = [behind, ahead]
    position += bytesRead
    reading = file.read(ahead, 0, READ_BYTES, position)
    hash.update(behind.subarray(0, bytesRead))
  }
}

function sourceName(path: string): string {
  try {
    return safeFileName(basename(path))
  } catch (error) {
    if (error instanceof FileNameError) throw usage(`${path} cannot be handed over: ${error.message}`)
    throw error
  }
}

/** Everything a write to the file changes. */
async function stateOf(file: FileHandle): Promise<{ isFile: boolean; bytes: number; text: string }> {
  const stat = await file.stat({ bigint: true })
  return {
    isFile: stat.isFile(),
    bytes: Number(stat.size),
    text: [stat.dev, stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].join(),
  }
}

/** Fewer bytes than asked for only at the end of the file, which `refuseChanged` then tells. */
async function readRange(file: FileHandle, start: number, data: Uint8Array): Promise<Uint8Array> {
  let filled = 0
  while (filled < data.length) {
    const { bytesRead } = await file.read(data, filled, data.length - filled, start + filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return data
}
