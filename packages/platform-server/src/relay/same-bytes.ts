/**
 * Compare two streams in constant memory. The left one is read to its end whatever the outcome, so the time it takes does not say where they differ.
 *
 * @returns whether both carry the same bytes and end together.
 */
export async function sameBytes(left: AsyncIterable<Uint8Array>, right: AsyncIterable<Uint8Array>): Promise<boolean> {
  const others = right[Symbol.asyncIterator]()
  let rest: Uint8Array = new Uint8Array(0)
  let isSame = true

  for await (const chunk of left) {
    let offset = 0
    while (isSame && offset < chunk.length) {
      if (rest.length === 0) {
        const next = await others.next()
        if (next.done) isSame = false
        else rest = next.value
        continue
      }
      const length = Math.min(rest.length, chunk.length - offset)
      isSame = Buffer.compare(rest.subarray(0, length), chunk.subarray(offset, offset + length)) === 0
      rest = rest.subarray(length)
      offset += length
    }
  }
  return isSame && rest.length === 0 && (await hasEnded(others))
}

/** An empty chunk is not the end, and nothing beyond it either. */
async function hasEnded(chunks: AsyncIterator<Uint8Array>): Promise<boolean> {
  for (;;) {
    const next = await chunks.next()
    if (next.done) return true
    if (next.value.length > 0) return false
  }
}
