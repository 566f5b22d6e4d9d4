const WIDTH = 24
const WIDTH_DEFAULT = 80
const DRAW_EVERY_MS = 100
/** What takes less is over before anybody has read of it. */
const SHOWN_AFTER_MS = 1_000
const MEBIBYTE = 1024 * 1024
const ERASE = '\r\u001b[K'

/** A terminal to draw on. */
type Terminal = Pick<NodeJS.WriteStream, 'write' | 'columns' | 'isTTY'>

/** A line on stderr that shows how far a transfer is, once it has taken a second. `undefined` where nobody watches. */
export function progressBar(
  what: string,
  stream: Terminal = process.stderr,
): ((moved: number, total: number) => void) | undefined {
  if (!stream.isTTY) return undefined
  const startedMs = performance.now()
  let drawnAtMs = Number.NEGATIVE_INFINITY
  return (moved, total) => {
    const nowMs = performance.now()
    const isDone = moved >= total
    const isShown = drawnAtMs > 0
    if (nowMs - startedMs < SHOWN_AFTER_MS || (isDone ? !isShown : nowMs - drawnAtMs < DRAW_EVERY_MS)) return
    drawnAtMs = nowMs
    stream.write(`${ERASE}${barOf(what, { moved, total }, stream.columns ?? WIDTH_DEFAULT)}${isDone ? '\n' : ''}`)
  }
}

/**
 * A line on stderr that counts the seconds of a wait, once it has taken one.
 *
 * @returns what ends it and takes the line away again.
 */
export function showWait(what: string, seconds: number, stream: Terminal = process.stderr): () => void {
  if (!stream.isTTY || seconds === 0) return () => undefined
  let waited = 0
  const timer = setInterval(() => {
    waited++
    stream.write(`${ERASE}${`${what} ${waited} of ${seconds} s`.slice(0, (stream.columns ?? WIDTH_DEFAULT) - 1)}`)
  }, 1_000).unref()
  return () => {
    clearInterval(timer)
    if (waited > 0) stream.write(ERASE)
  }
}

/** As much as fits on one line: one that wraps could not be drawn over. */
function barOf(what: string, { moved, total }: { moved: number; total: number }, columns: number): string {
  const part = total === 0 ? 1 : moved / total
  const filled = Math.floor(WIDTH * part)
  const bar = `[${'#'.repeat(filled)}${'.'.repeat(WIDTH - filled)}]`
  const amount = `${(moved / MEBIBYTE).toFixed(1)} of ${(total / MEBIBYTE).toFixed(1)} MiB`
  const percent = `${Math.floor(100 * part)} %`
  const lines = [`${what} ${bar} ${amount}`, `${what} ${amount}`, `${what} ${percent}`]
  return lines.find((line) => line.length < columns) ?? percent.slice(0, columns - 1)
}
