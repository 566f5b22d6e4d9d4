const ZEROS = new Uint8Array(65_536)

/** Whether every byte is zero. In pieces, and not byte by byte: the dummy parts of a large artifact are zeros and nothing else. */
export function isAllZero(bytes: Uint8Array): boolean {
  for (let start = 0; start < bytes.length; start += ZEROS.length) {
    const piece = bytes.subarray(start, start + ZEROS.length)
    if (Buffer.compare(piece, ZEROS.subarray(0, piece.length)) !== 0) return false
  }
  return true
}
