import { randomInt } from 'node:crypto'

/** Parts on their way at the same time; 4 MiB each and their sealed copies are 48 MiB. */
const PARTS_AT_ONCE = 6

/**
 * Work through parts in random order, several at a time, so that their order on the wire says nothing of the file.
 *
 * @param missing - Numbers of the parts.
 * @throws The first error, after the parts that were under way have ended.
 */
export async function forEachPart(
  missing: number[],
  signal: AbortSignal | undefined,
  work: (part: number) => Promise<void>,
): Promise<void> {
  const failures: unknown[] = []
  const runner = async () => {
    while (missing.length > 0 && failures.length === 0) {
      signal?.throwIfAborted()
      await work(takeRandom(missing))
    }
  }
  const runners = Array.from({ length: PARTS_AT_ONCE }, () => runner().catch((error: unknown) => void failures.push(error)))
  await Promise.all(runners)
  if (failures.length > 0) throw failures[0]
}

/** Constant time: the last one takes the place of the one that goes. */
function takeRandom(numbers: number[]): number {
  const at = randomInt(numbers.length)
  const taken = numbers[at] as number
  const last = numbers.pop() as number
  if (at < numbers.length) numbers[at] = last
  return taken
}

/** The numbers 0 to `count` − 1 that are not in `done`. */
export function missingParts(count: number, done: ReadonlySet<number>): number[] {
  return Array.from({ length: count }, (_, part) => part).filter((part) => !done.has(part))
}
