const WIDTH = 24
const DRAW_EVERY_MS = 100
const MEBIBYTE = 1024 * 1024

/** A line on stderr that shows how far a transfer is, while it is one worth watching. `undefined` where nobody watches. */
export function progressBar(
  what: string,
  stream: NodeJS.WriteStream = process.stderr,
): ((moved: number, total: number) => void) | undefined {
  if (!stream.isTTY) return undefined
  let drawnAtMs = Number.NEGATIVE_INFINITY
  return (moved, total) => {
    const isDone = moved >= total
    if (total < MEBIBYTE || (!isDone && performance.now() - drawnAtMs < DRAW_EVERY_MS)) return
    drawnAtMs = performance.now()
    const filled = Math.floor((WIDTH * moved) / total)
    const bar = `${'#'.repeat(filled)}${'.'.repeat(WIDTH - filled)}`
    stream.write(
      `\r${what} [${bar}] ${(moved / MEBIBYTE).toFixed(1)} of ${(total / MEBIBYTE).toFixed(1)} MiB${isDone ? '\n' : ''}`,
    )
  }
}
