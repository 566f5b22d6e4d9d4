import type { FileHandle } from 'node:fs/promises'
import { releaseBytes } from '@agent-marketplace/protocol'

/** Write chunks at the position of a file, all at once, and give their memory back. @throws what the disk says when it does not take all of them. */
export async function writeChunks(file: Pick<FileHandle, 'writev' | 'writeFile'>, chunks: readonly Uint8Array[]): Promise<void> {
  let { bytesWritten } = await file.writev(chunks)
  for (const chunk of chunks) {
    // A disk may take only some of the bytes; for the rest it is asked again.
    if (bytesWritten < chunk.length) await file.writeFile(chunk.subarray(bytesWritten))
    bytesWritten = Math.max(0, bytesWritten - chunk.length)
    releaseBytes(chunk)
  }
}
