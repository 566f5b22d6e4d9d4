/** Bytes of each stream that a result carries. */
export const TAIL_BYTES = 4096

/** Keeps the end of a stream. */
export function createTail(): { write(chunk: Buffer): void; read(): string } {
  let tail: Buffer = Buffer.alloc(0)
  return {
    write(chunk) {
      tail = Buffer.concat([tail, chunk]).subarray(-TAIL_BYTES)
    },
    read: () => tail.toString('utf8'),
  }
}
